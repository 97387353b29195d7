import { startEmbedded } from '../../src/db/embedded/embedded.ts';
import { ENVIRONMENT } from '../../src/db/embedded/folder.ts';
import { createLog } from '../../src/log.ts';

/** Runs the embedded Postgres of a folder until it is killed or its stdin ends; the second argument adds to its environment. */
Object.assign(ENVIRONMENT, JSON.parse(process.argv[3] ?? '{}'));
const embedded = await startEmbedded({
  dataDir: process.argv[2] as string,
  log: createLog({ logLevel: 'error' }),
});
process.stdout.write(`${JSON.stringify({ address: embedded.address, startedHere: embedded.startedHere })}\n`);
process.stdin.resume().once('end', () => void embedded.stop());
