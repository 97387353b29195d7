import { ownWireChannel, ownWireRules, ownWireSettings, STANDARD_WEBHOOKS } from '../../shared/own-wire.ts';

/** Bring your own channel: Lull's own wire format, signed by Standard Webhooks in both directions. */
export default ownWireChannel({
  id: 'byoc',
  name: 'Bring your own channel',
  signing: STANDARD_WEBHOOKS,
  settings: ownWireSettings(STANDARD_WEBHOOKS),
  rules: ownWireRules,
});
