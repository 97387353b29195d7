import { migrateDatabase } from '../../src/db/migrate.ts';
import { createLog } from '../../src/log.ts';

const [address, folder] = process.argv.slice(2) as [string, string];
await migrateDatabase(JSON.parse(address), createLog({ logLevel: 'warn' }), folder);
