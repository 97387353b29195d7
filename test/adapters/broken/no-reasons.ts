import type { Adapter } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';

/** Says nothing of why. */
export default {
  ...web,
  closing(context) {
    return { ...web.closing(context), reasons: { survey: '', closeMessage: '', separator: '' } };
  },
} satisfies Adapter;

export const caught = ['gives a reason for every part of a closing (LL-14)'];
