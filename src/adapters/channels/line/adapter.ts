import { ownWireChannel, ownWireRules, ownWireSettings, STANDARD_WEBHOOKS } from '../../shared/own-wire.ts';

/** LINE, through a platform that speaks Lull's own wire format. It has no customer inactivity timeout (SF-2). */
export default ownWireChannel({
  id: 'line',
  name: 'LINE',
  signing: STANDARD_WEBHOOKS,
  settings: ownWireSettings(STANDARD_WEBHOOKS),
  rules: { ...ownWireRules, bounds: { INACTIVATE: null }, textLimits: { closeMessage: 5000 } },
});
