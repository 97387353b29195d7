import { closingFrom, isTimersEnd, silence } from '../../../domain/closing/closing.ts';
import {
  configuredClosing,
  LULL_SIGNATURE,
  ownWireChannel,
  ownWireRules,
  ownWireSettings,
} from '../../shared/own-wire.ts';

/** Chat on a web page, over Lull's own wire format. An automatic close is silent (LP-2). */
export default ownWireChannel({
  id: 'web',
  name: 'Web chat',
  signing: LULL_SIGNATURE,
  settings: ownWireSettings(LULL_SIGNATURE),
  // In Salesforce's profile an agent starts no session on the web (SF-9), nor by a message to an INACTIVE one (SF-6).
  rules: {
    ...ownWireRules,
    newSessionOnAgentMessage: false,
    sessions: { tier: 'ENHANCED', agentInitiated: false },
  },
  closing: (context) =>
    closingFrom(
      context,
      isTimersEnd(context.endReason)
        ? silence('an automatic close is silent on the web')
        : configuredClosing(context, [true, 'the client draws a separator unless the close is automatic']),
    ),
});
