import type { Adapter } from './adapter.ts';
import byoc from './byoc.ts';
import inApp from './in-app.ts';
import web from './web.ts';

/** The adapters that Lull comes with: the one list of them. */
export const BUILT_IN: readonly Adapter[] = [web, inApp, byoc];
