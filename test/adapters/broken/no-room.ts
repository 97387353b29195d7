import type { Adapter } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';

/** Allows no close message at all. */
export default { ...web, rules: { ...web.rules, textLimits: { closeMessage: 0 } } } satisfies Adapter;

export const caught = [
  'has a positive reply window and text limit',
  'keeps its close message within its text limit',
];
