import { writeFileSync } from 'node:fs';
import { boundsPage } from './bounds-page.ts';

writeFileSync(new URL('../docs/bounds.md', import.meta.url), boundsPage());
