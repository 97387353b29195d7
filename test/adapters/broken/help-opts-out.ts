import type { Adapter } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';

/** Takes a call for help as an opt-out. */
export default {
  ...web,
  rules: { ...web.rules, optOutWords: [...web.rules.optOutWords, 'help'] },
} satisfies Adapter;

export const caught = ['gives each keyword one meaning and matches it (PE-12)'];
