import { parseDuration } from '../../../domain/time/duration.ts';
import { ownWireRules } from '../../shared/client-settings.ts';
import { broughtChannel, broughtSettings } from '../../shared/own-wire.ts';
import { tier, tiered } from '../../shared/tier.ts';

/**
 * Facebook Messenger, by way of a platform that speaks Lull's own wire. Nothing is sent more than 24 hours after the
 * customer's last message (PE-4).
 */
export default broughtChannel({
  id: 'messenger',
  name: 'Facebook Messenger',
  settings: broughtSettings.extend({ tier }),
  ...tiered({
    ...ownWireRules,
    newSessionOnAgentMessage: true,
    replyWindow: parseDuration('PT24H', 'replyWindow'),
    textLimits: { closeMessage: 2000 },
  }),
});
