import { Temporal } from 'temporal-polyfill';
import type { Adapter } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';
/** Its shortest is longer than its longest. */
export default {
  ...web,
  rules: {
    ...web.rules,
    bounds: {
      INACTIVATE: { min: Temporal.Duration.from('PT30M'), max: Temporal.Duration.from('PT5M') },
    },
  },
} satisfies Adapter;

export const caught = ['bounds only known timers, with min at most max'];
