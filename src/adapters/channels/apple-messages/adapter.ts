import { ownWireRules } from '../../shared/client-settings.ts';
import { broughtChannel } from '../../shared/own-wire.ts';

/**
 * Apple Messages for Business, by way of a platform that speaks Lull's own wire. Only the customer begins there, so an
 * agent's message begins nothing new either; and it has no customer inactivity timeout (SF-2).
 */
export default broughtChannel({
  id: 'apple-messages',
  name: 'Apple Messages for Business',
  rules: {
    ...ownWireRules,
    bounds: { INACTIVATE: null },
    businessInitiated: false,
    newSessionOnAgentMessage: false,
  },
});
