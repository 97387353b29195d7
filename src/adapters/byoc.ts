import { broughtChannel } from './brought.ts';
import { ownWireRules } from './client.ts';

/** Bring your own channel: Lull's own wire, signed by Standard Webhooks both ways. */
export default broughtChannel({
  id: 'byoc',
  name: 'Bring your own channel',
  rules: { ...ownWireRules, newSessionOnAgentMessage: true },
});
