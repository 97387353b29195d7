import { ownWireRules } from '../../shared/client-settings.ts';
import { broughtChannel } from '../../shared/own-wire.ts';

/** LINE, by way of a platform that speaks Lull's own wire. It has no customer inactivity timeout (SF-2). */
export default broughtChannel({
  id: 'line',
  name: 'LINE',
  rules: {
    ...ownWireRules,
    bounds: { INACTIVATE: null },
    newSessionOnAgentMessage: true,
    textLimits: { closeMessage: 5000 },
  },
});
