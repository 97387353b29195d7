import { parseDuration } from '../../../domain/time/duration.ts';
import { ownWireChannel, ownWireRules, ownWireSettings, STANDARD_WEBHOOKS } from '../../shared/own-wire.ts';
import { tier, tiered } from '../../shared/tier.ts';

/**
 * Facebook Messenger, through a platform that speaks Lull's own wire format. Its reply window is 24 hours after the
 * customer's last message (PE-4).
 */
export default ownWireChannel({
  id: 'messenger',
  name: 'Facebook Messenger',
  signing: STANDARD_WEBHOOKS,
  settings: ownWireSettings(STANDARD_WEBHOOKS).extend({ tier }),
  ...tiered({
    ...ownWireRules,
    replyWindow: parseDuration('PT24H', 'replyWindow'),
    textLimits: { closeMessage: 2000 },
  }),
});
