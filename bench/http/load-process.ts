import { Agent, request } from 'node:http';
import type { LoadJob, LoadResult } from './load.ts';

/** Sends what it is told to, over connections that it keeps. */

const agent = new Agent({ keepAlive: true });

process.on('message', (job: LoadJob) => {
  send(job).then(
    (result) => process.send?.(result),
    (error) =>
      process.send?.({ elapsedMs: 0, ms: [], fault: String(error), answer: '' } satisfies LoadResult),
  );
});

async function send({ url, headers, bodies, connections, forMs, refused }: LoadJob): Promise<LoadResult> {
  const buffers = bodies.map((body) => Buffer.from(body));
  const target = new URL(url);
  const started = performance.now();
  const ms: number[] = [];
  let sent = 0;
  let fault: string | null = null;
  let last = '';
  const goesOn = () =>
    fault === null && (forMs === null ? sent < buffers.length : performance.now() - started < forMs);
  const connection = async () => {
    while (goesOn()) {
      const body = buffers[sent++ % buffers.length] as Buffer;
      const began = performance.now();
      const { status, text } = await post(target, headers, body);
      ms.push(performance.now() - began);
      if (status !== 200 || text.includes('"errors":') || text.includes(refused))
        fault ??= `${status} ${text}`;
      last = text;
    }
  };
  await Promise.all(Array.from({ length: connections }, connection));
  return { elapsedMs: performance.now() - started, ms, fault, answer: last };
}

function post(
  target: URL,
  headers: Record<string, string>,
  body: Buffer,
): Promise<{ status: number | undefined; text: string }> {
  return new Promise((resolve, reject) => {
    const { hostname, port, pathname } = target;
    const asked = request(
      {
        ...{ agent, hostname, port, path: pathname, method: 'POST' },
        headers: { ...headers, 'content-type': 'application/json', 'content-length': body.length },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode, text: Buffer.concat(chunks).toString() }),
        );
        response.on('error', reject);
      },
    );
    asked.on('error', reject);
    asked.end(body);
  });
}
