import { ownWireRules } from '../../shared/client-settings.ts';
import { broughtChannel } from '../../shared/own-wire.ts';

/** Bring your own channel: Lull's own wire, signed by Standard Webhooks both ways. */
export default broughtChannel({
  id: 'byoc',
  name: 'Bring your own channel',
  rules: { ...ownWireRules, newSessionOnAgentMessage: true },
});
