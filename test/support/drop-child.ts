import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive } from './folder.ts';
import { dropDatabases } from './postgres.ts';

/** Outlives an interrupted run: once that and its workers are gone, nobody makes new databases. */
const [address, prefix, runPid] = process.argv.slice(2) as [string, string, string];
while (isAlive(Number(runPid))) await sleep(50);
await sleep(1000);
await dropDatabases(JSON.parse(address), prefix);
