import { ownWireChannel, ownWireRules, ownWireSettings, STANDARD_WEBHOOKS } from '../../shared/own-wire.ts';

/**
 * Apple Messages for Business, through a platform that speaks Lull's own wire format. Only the customer can start a
 * conversation there, so an agent's message never starts a new one. It has no customer inactivity timeout (SF-2).
 */
export default ownWireChannel({
  id: 'apple-messages',
  name: 'Apple Messages for Business',
  signing: STANDARD_WEBHOOKS,
  settings: ownWireSettings(STANDARD_WEBHOOKS),
  rules: {
    ...ownWireRules,
    bounds: { INACTIVATE: null },
    businessInitiated: false,
    newSessionOnAgentMessage: false,
  },
});
