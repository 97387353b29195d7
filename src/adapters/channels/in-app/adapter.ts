import { closingFrom, isTimersEnd, silence } from '../../../domain/closing/closing.ts';
import {
  configuredClosing,
  LULL_SIGNATURE,
  ownWireChannel,
  ownWireRules,
  ownWireSettings,
} from '../../shared/own-wire.ts';

/**
 * Chat inside an app, over Lull's own wire format. From SDK 2.1 on an automatic close is silent (LP-2); an older or
 * unknown SDK shows what it is configured to show (LP-9).
 */
export default ownWireChannel({
  id: 'in-app',
  name: 'In-app chat',
  signing: LULL_SIGNATURE,
  settings: ownWireSettings(LULL_SIGNATURE),
  rules: ownWireRules,
  closing: (context) =>
    closingFrom(
      context,
      isTimersEnd(context.endReason) && closesSilently(context.clientVersion)
        ? silence('an automatic close is silent from SDK 2.1 on')
        : configuredClosing(context, [true, 'the client draws a separator']),
    ),
});

/** Whether an SDK closes silently: 2.1 and above. */
function closesSilently(version: string | null): boolean {
  const [, major, minor] = /^v?(\d+)(?:\.(\d+))?(?![\w])/.exec(version ?? '') ?? [];
  if (major === undefined) return false;
  return Number(major) > 2 || (Number(major) === 2 && Number(minor ?? 0) >= 1);
}
