import { connectWithRetry } from '../../src/db/client.ts';
import { inTransaction } from '../../src/db/transaction.ts';
import { createLog } from '../../src/log.ts';

/**
 * Writes to the database at the address it is given until it hears SIGTERM, whatever happens to its connections, and says on
 * stdout what was acknowledged. Any error that is not one of a statement ends it, as it would the service.
 */
const [address = '', writers = '8'] = process.argv.slice(2);
const log = createLog({ logLevel: 'error' });
const { sql, close } = await connectWithRetry({ url: address }, log, { connections: 6 });
const LARGE = 'x'.repeat(150_000);
let isOver = false;
process.once('SIGTERM', () => {
  isOver = true;
});

/** Every other word is short, so that some writes are under way when the connection goes and some are still to come. */
async function say(word: string, times: number): Promise<void> {
  const text = times % 2 === 0 ? '' : LARGE.slice(0, (times * 7919) % LARGE.length);
  if (times % 3 === 0) {
    await sql`insert into said (word, half, text) values (${word}, 0, ${text}), (${word}, 1, ${text})`;
    return;
  }
  await inTransaction(sql, async (tx) => {
    await tx`insert into said (word, half, text) values (${word}, 0, ${text})`;
    const [row] = await tx`select count(*)::int as count from said where word = ${word}`;
    if (row?.count !== 1) throw new Error(`${word} is there ${row?.count} times`);
    await Promise.all([
      tx`insert into said (word, half, text) values (${word}, 1, ${text})`,
      tx`select word from said where word = ${word}`,
    ]);
  });
}

/** Answers with whole rows, or not at all. */
async function read(times: number): Promise<void> {
  const rows =
    await sql`select i as number, repeat('-', 2000) as text from generate_series(1, ${times % 40}::int) as i`;
  const numbers = rows.map(({ number }) => number);
  if (numbers.join() !== Array.from({ length: times % 40 }, (_, i) => i + 1).join()) {
    process.stdout.write(`wrong ${numbers}\n`);
    process.exit(1);
  }
}

await Promise.all(
  Array.from({ length: Number(writers) }, async (_, writer) => {
    for (let times = 0; !isOver; times++) {
      const word = `${writer} ${times}`;
      const isSaid = await say(word, times).then(
        () => true,
        () => false,
      );
      if (isSaid) process.stdout.write(`${word}\n`);
      await read(times).catch(() => {});
    }
  }),
);
await close();
process.stdout.write('over\n');
