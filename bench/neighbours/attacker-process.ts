import { Agent, createServer, request } from 'node:http';
import { connect } from 'node:net';
import type { AttackJob } from './attacker.ts';

/** Runs an attack until it is killed, in a process of its own, so that it does not delay the measurement's event loop. */

const agent = new Agent({ keepAlive: true });
const FLOOD = Buffer.alloc(1024 * 1024, 'x');
const FLOOD_BYTES = 64 * FLOOD.length;

process.on('message', (job: AttackJob) => {
  if (job.kind === 'ask') for (let at = 0; at < job.connections; at++) void askForEver(job, at);
  else if (job.kind === 'listen') for (let at = 0; at < job.count; at++) listen(job);
  else if (job.kind === 'slow') for (let at = 0; at < job.count; at++) sendSlowly(job);
  else serve();
});
process.on('uncaughtException', () => {});

/** Answers nothing at /hang, and without an end at /flood. */
function serve(): void {
  const server = createServer((asked, response) => {
    asked.resume();
    if (asked.url !== '/flood') return;
    let left = FLOOD_BYTES;
    const go = () => {
      while (left > 0) {
        left -= FLOOD.length;
        if (!response.write(FLOOD)) return void response.once('drain', go);
      }
      response.end();
    };
    go();
  });
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as { port: number }).port));
}

async function askForEver(job: Extract<AttackJob, { kind: 'ask' }>, first: number): Promise<void> {
  for (let at = first; ; at++) {
    const body = job.bodies[at % job.bodies.length] as string;
    const status = await post(job.url, job.headers, body);
    if (status !== 200)
      await new Promise((resolve) => setTimeout(resolve, job.pauseMs * (0.5 + Math.random())));
  }
}

function post(url: string, headers: Record<string, string>, body: string): Promise<number> {
  return new Promise((resolve) => {
    const asked = request(url, {
      agent,
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
    });
    asked.on('response', (response) => {
      response.resume();
      response.on('close', () => resolve(response.statusCode ?? 0));
    });
    asked.on('error', () => resolve(0));
    asked.end(body);
  });
}

function listen({ url, headers, body }: Extract<AttackJob, { kind: 'listen' }>): void {
  const all = { ...headers, 'content-type': 'application/json', accept: 'text/event-stream' };
  const asked = request(url, { method: 'POST', headers: all });
  asked.on('response', (response) => response.resume());
  asked.on('error', () => {});
  asked.end(body);
}

/** All of a body but its last byte; and again, once it has lost its place. */
function sendSlowly({ url, bytes }: Extract<AttackJob, { kind: 'slow' }>): void {
  const { hostname, port, pathname } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  socket.on('close', () => setTimeout(sendSlowly, 4_000 * (0.5 + Math.random()), { url, bytes }));
  socket.write(
    `POST ${pathname} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${bytes}\r\n\r\n`,
  );
  socket.write(Buffer.alloc(bytes - 1, ' '));
}
