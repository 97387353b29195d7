import type { Adapter } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';

/** A message is read without its punctuation, so this word is never found. */
export default {
  ...web,
  rules: { ...web.rules, optOutWords: [...web.rules.optOutWords, '!!!'] },
} satisfies Adapter;

export const caught = ['gives each keyword one meaning and matches it (PE-12)'];
