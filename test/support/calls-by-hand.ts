import type { Activity, ActivityResult } from '../../src/engine.ts';

/** A message, known by its id. */
export const activity = (messageId: string): Activity => ({
  target: { channelId: 'web', address: messageId },
  action: { kind: 'INBOUND' },
  messageId,
});

/** What it came to, which tells it from all others. */
export const resultOf = (id: string): ActivityResult => ({
  outcome: 'APPLIED',
  conversationId: `of ${id}`,
  error: null,
});
