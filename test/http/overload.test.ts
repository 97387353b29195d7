import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type BusyApi, expectBusy, NAME, openBusyApi, PATIENTLY, soon } from './busy-api.ts';

let busyApi: BusyApi;
beforeAll(async () => {
  busyApi = await openBusyApi();
});
afterEach(() => busyApi.letGoOfAll());
afterAll(() => busyApi.close());

/** One account asks alone here, and has half of each: so these are its places, and so many of its requests wait. */
const forOne = ({ atOnce, waiting }: { atOnce: number; waiting: number }) => ({
  requestsAtOnce: 2 * atOnce,
  requestsWaiting: 2 * waiting,
});

describe('a process with more requests than it can run', () => {
  it(
    '2,000 calls, 500 at a time: each is carried out or answered 503 with Retry-After, and a 503 has changed nothing',
    async () => {
      const server = await busyApi.serve(forOne({ atOnce: 4, waiting: 100 }));
      const done: string[] = [];
      let busy = 0;
      const call = async (address: string) => {
        const response = await busyApi.post(server, busyApi.inbound(address));
        if (response.status !== 200) {
          busy++;
          return await expectBusy(response);
        }
        const { data } = (await response.json()) as { data: { recordActivities: { results: object[] } } };
        expect(data.recordActivities.results).toMatchObject([{ outcome: 'APPLIED', error: null }]);
        done.push(address);
      };
      const callers = Array.from({ length: 500 }, async (_, caller) => {
        for (const time of [1, 2, 3, 4]) await call(`burst ${caller} ${time}`);
      });
      const probed = await Promise.all(['/health', '/ready'].map((path) => fetch(`${server.url}${path}`)));
      expect(probed.map(({ status }) => status)).toEqual([200, 200]);
      await Promise.all(callers);

      expect(await busyApi.applied('burst ')).toEqual(done.sort());
      expect(done.length).toBeGreaterThanOrEqual(104);
      expect(busy).toBeGreaterThan(0);
      expect(server.refused.length).toBe(busy);
      expect((await busyApi.post(server, NAME)).status).toBe(200);
      expect(server.load()).toEqual({ requests: 0, waiting: 0, subscriptions: 0 });
    },
    PATIENTLY,
  );

  it(
    'answers 503 to calls of providers without recording anything, and accepts the same calls later',
    async () => {
      const server = await busyApi.serve(forOne({ atOnce: 2, waiting: 20 }));
      const path = busyApi.pathOf(busyApi.channels.web);
      const call = (index: number) =>
        busyApi.call(path, busyApi.wire([busyApi.message(`hook ${index}`, `hook ${index}`)]), server.url);
      const answers = await Promise.all(Array.from({ length: 400 }, (_, index) => call(index)));
      const taken = answers.flatMap(({ status }, index) => (status === 200 ? [`hook ${index}`] : []));
      const turnedAway = answers.findIndex(({ status }) => status === 503);
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 503]));
      await expectBusy(answers[turnedAway] as Response);
      expect(await busyApi.applied('hook ')).toEqual(taken.sort());
      expect((await call(turnedAway)).status).toBe(200);
      expect(await busyApi.applied('hook ')).toContain(`hook ${turnedAway}`);
    },
    PATIENTLY,
  );

  it('runs waiting requests in turn, and answers 503 to those that wait too long', async () => {
    const server = await busyApi.serve({ ...forOne({ atOnce: 1, waiting: 2 }), waitMs: 300 });
    const patientServer = await busyApi.serve({ ...forOne({ atOnce: 1, waiting: 2 }), waitMs: PATIENTLY });
    const letGo = await busyApi.holdUp();
    const first = busyApi.post(server, NAME);
    await expect.poll(() => server.load().requests, soon).toBe(1);
    const late = await Promise.all([
      busyApi.post(server, NAME),
      busyApi.post(server, NAME),
      busyApi.post(server, NAME),
    ]);
    for (const response of late) await expectBusy(response);
    expect(server.refused.sort()).toEqual(['full', 'waited', 'waited']);
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
    const patient = [busyApi.post(patientServer, NAME), busyApi.post(patientServer, NAME)];
    await expect.poll(() => patientServer.load().waiting, soon).toBe(1);
    await letGo();
    const statuses = (await Promise.all([first, ...patient])).map(({ status }) => status);
    expect(statuses).toEqual([200, 200, 200]);
    for (const each of [server, patientServer])
      expect(each.load()).toEqual({ requests: 0, waiting: 0, subscriptions: 0 });
  });

  it('answers 504 to a call that takes too long, and keeps its place until its work has ended', async () => {
    const server = await busyApi.serve({ ...forOne({ atOnce: 2, waiting: 0 }), answerWithinMs: 200 });
    const letGo = await busyApi.holdUp();
    const [asked, called] = await Promise.all([
      busyApi.post(server, busyApi.inbound('too long')),
      busyApi.post(server, busyApi.inbound('too long too')),
    ]);
    for (const response of [asked, called]) {
      expect(response.status).toBe(504);
      expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'TIMEOUT' } }] });
    }
    expect(server.load().requests).toBe(2);
    await letGo();
    await expect.poll(() => server.load().requests, soon).toBe(0);
    expect((await busyApi.post(server, NAME)).status).toBe(200);
  });
});

describe('the places of running requests', () => {
  it('are not taken by callers who send their body slowly, at the API or at a webhook', async () => {
    const server = await busyApi.serve({ requestsAtOnce: 1, requestsWaiting: 0 });
    const { port } = new URL(server.url);
    const slow = ['/graphql', busyApi.pathOf(busyApi.channels.web)].map((path) => {
      const socket = connect(Number(port), '127.0.0.1');
      socket.on('error', () => {});
      const head = `POST ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${busyApi.api.key}\r\ncontent-type: application/json`;
      socket.write(`${head}\r\ncontent-length: 100000\r\n\r\n{`);
      return socket;
    });
    // Each occupies the one place only while it is authenticated.
    await expect.poll(async () => (await busyApi.post(server, NAME)).status, soon).toBe(200);
    await expect.poll(async () => (await busyApi.post(server, NAME)).status, soon).toBe(200);
    for (const socket of slow) socket.destroy();
    await expect.poll(() => server.load(), soon).toEqual({ requests: 0, waiting: 0, subscriptions: 0 });
  });

  it('are not taken by subscriptions, however long they last', async () => {
    const server = await busyApi.serve({ requestsAtOnce: 1, requestsWaiting: 0 });
    const stop = new AbortController();
    const subscription = await busyApi.post(
      server,
      JSON.stringify({ query: 'subscription { conversationChanged { id } }' }),
      stop.signal,
    );
    expect(subscription.headers.get('content-type')).toContain('text/event-stream');
    expect(server.load()).toEqual({ requests: 0, waiting: 0, subscriptions: 1 });
    expect((await busyApi.post(server, NAME)).status).toBe(200);
    stop.abort();
    await expect.poll(() => server.load().subscriptions, soon).toBe(0);
  });

  it('are released when callers disconnect while they wait or while they are served', async () => {
    const server = await busyApi.serve({ ...forOne({ atOnce: 8, waiting: 52 }), waitMs: PATIENTLY });
    const letGo = await busyApi.holdUp();
    const stop = new AbortController();
    const post = (index: number) => busyApi.post(server, busyApi.inbound(`gone ${index}`), stop.signal);
    const calls: Promise<Response>[] = [];
    // One after another, so that each blocks a connection of its own.
    for (let index = 0; index < 8; index++) {
      calls.push(post(index));
      await expect.poll(() => server.load().requests, soon).toBe(index + 1);
    }
    for (let index = 8; index < 60; index++) calls.push(post(index));
    await expect.poll(() => server.load(), soon).toEqual({ requests: 8, waiting: 52, subscriptions: 0 });
    stop.abort();
    await Promise.allSettled(calls);
    await expect.poll(() => server.load().waiting, soon).toBe(0);
    await letGo();
    await expect.poll(() => server.load().requests, soon).toBe(0);
    expect((await busyApi.post(server, NAME)).status).toBe(200);
    expect(server.refused).toEqual([]);
  });

  it('are released when callers disconnect during a long answer', async () => {
    const server = await busyApi.serve({ requestsAtOnce: 4, requestsWaiting: 0 });
    const { port } = new URL(server.url);
    const body = JSON.stringify({
      query: '{ __schema { types { name description fields { name description } } } }',
    });
    for (let index = 0; index < 12; index++) {
      const socket = connect(Number(port), '127.0.0.1');
      socket.write(
        `POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${busyApi.api.key}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      );
      await once(socket, 'readable');
      socket.destroy();
    }
    await expect.poll(() => server.load(), soon).toEqual({ requests: 0, waiting: 0, subscriptions: 0 });
  });
});
