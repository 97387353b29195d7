import { type IncomingMessage, ServerResponse } from 'node:http';
import { PassThrough } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { readBody } from '../../src/http/body.ts';
import { openBodyBudget } from '../../src/http/body-memory.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

it('a refused body is no longer in memory while its response is still open', async () => {
  const request = Object.assign(new PassThrough(), {
    headers: {},
    method: 'POST',
  }) as never as IncomingMessage;
  const response = new ServerResponse(request);
  const kept: WeakRef<Buffer>[] = [];
  const reading = readBody(request, response, {
    ...{ maxBytes: 1_000_000, withinMs: 200, owner: { place: 'a channel', sender: 'somebody' } },
    budget: openBodyBudget({ bytes: 1_000_000, placeBytes: 1_000_000 }),
    admission: { refused: () => {} },
  });
  for (let index = 0; index < 8; index++) {
    const chunk = Buffer.alloc(100_000, index);
    kept.push(new WeakRef(chunk));
    (request as never as PassThrough).write(chunk);
  }
  expect(await reading).toBeNull();
  await expect
    .poll(() => {
      collectGarbage();
      return kept.filter((chunk) => chunk.deref() !== undefined).length;
    })
    // The stream may keep the last chunk.
    .toBeLessThanOrEqual(1);
  expect(response.writableFinished).toBe(false);
  request.destroy();
});
