import { writeFileSync } from 'node:fs';
import { BUILT_IN } from '../src/adapters/built-in.ts';
import { channelsPage } from './channels-page.ts';

writeFileSync(new URL('../docs/channels.md', import.meta.url), channelsPage(BUILT_IN));
