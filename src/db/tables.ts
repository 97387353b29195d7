export * from './tables/account.ts';
export * from './tables/conversation.ts';
export * from './tables/outbox.ts';
