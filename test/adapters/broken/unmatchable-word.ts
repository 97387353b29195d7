import type { Adapter } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/web.ts';

/** A message is trimmed, so this word is never found. */
export default {
  ...web,
  rules: { ...web.rules, optOutWords: [...web.rules.optOutWords, ' LEAVE '] },
} satisfies Adapter;

export const caught = ['gives each keyword one meaning, and can match it (PE-12)'];
