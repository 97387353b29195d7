import type { Adapter } from '../../../src/adapters/adapter.ts';
import web from '../../../src/adapters/channels/web/adapter.ts';

/** Its id is not one that a URL or a file can hold. */
export default { ...web, id: 'Web Chat' } satisfies Adapter;

export const caught = ['has an id of lower-case words joined by hyphens, and a name'];
