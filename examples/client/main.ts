import { openClient, type Shown } from './client.ts';
import { follow } from './follow.ts';

const { LULL_URL = 'http://127.0.0.1:4400/graphql', LULL_KEY } = process.env;
if (!LULL_KEY) {
  console.error(
    'Set LULL_KEY to an API key, and LULL_URL if the API is not at http://127.0.0.1:4400/graphql.',
  );
  process.exit(2);
}

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
const follower = {
  show: (conversation: Shown) => console.log(lineOf(conversation)),
  connection: (state: string, reason?: string) => console.log(reason ? `${state}: ${reason}` : state),
};
try {
  await follow(openClient(LULL_URL, LULL_KEY), follower, stop.signal);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

/** One line for a conversation: what comes next while it is open, and what to show the customer once it has ended. */
function lineOf({ contact, status, due, endsAt, ending, closing }: Shown): string {
  const who = `${status.padEnd(8)}  ${contact.address ?? 'an erased contact'}`;
  if (!ending) {
    const next = due ? `next: ${due.timer} at ${due.at}` : 'next: nothing';
    return `${who}  ${next}, ends: ${endsAt ?? 'not by itself'}`;
  }
  const shown = [
    closing?.survey ? 'the survey' : [],
    closing?.closeMessage ? `the message "${closing.closeMessage}"` : [],
    closing?.separator ? 'a line' : [],
  ].flat();
  return `${who}  ended: ${ending.reason} at ${ending.at}, show: ${shown.join(', ') || 'nothing'}`;
}
