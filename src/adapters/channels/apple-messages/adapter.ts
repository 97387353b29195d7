import { ownWireChannel, ownWireRules, ownWireSettings, STANDARD_WEBHOOKS } from '../../shared/own-wire.ts';

/**
 * Apple Messages for Business, through a platform that speaks Lull's own wire format. For sessions it is an enhanced
 * channel (SF-9), but Apple lets only the customer begin a conversation, so an agent's message never starts a new one. It
 * has no customer inactivity timeout (SF-2).
 */
export default ownWireChannel({
  id: 'apple-messages',
  name: 'Apple Messages for Business',
  signing: STANDARD_WEBHOOKS,
  settings: ownWireSettings(STANDARD_WEBHOOKS),
  rules: {
    ...ownWireRules,
    bounds: { INACTIVATE: null },
    sessions: { tier: 'ENHANCED', agentInitiated: true },
    // Apple's own rule, under every profile.
    businessInitiated: false,
    newSessionOnAgentMessage: false,
  },
});
