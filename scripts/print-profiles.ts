import { writeFileSync } from 'node:fs';
import { PROFILES } from '../src/domain/policy/profiles.ts';
import { profilesPage } from './profiles-page.ts';

writeFileSync(new URL('../docs/profiles.md', import.meta.url), profilesPage(Object.values(PROFILES)));
