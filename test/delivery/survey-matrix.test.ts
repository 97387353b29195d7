import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EndReason } from '../../src/domain/closing/closing.ts';
import type { Activity } from '../../src/engine.ts';
import { DAY, HOUR, MINUTE } from '../support/engine.ts';
import { type Kind, openSending, type Sending } from '../support/sending.ts';

/** The channels of the matrix; those with a reply window, and one of them with a template. */
const CHANNELS: Record<string, { kind: Kind; settings: Record<string, unknown> }> = {
  web: { kind: 'web', settings: {} },
  'in-app': { kind: 'in-app', settings: {} },
  byoc: { kind: 'byoc', settings: { showSurvey: true } },
  sms: { kind: 'sms', settings: { surveyText: 'How was it?' } },
  messenger: { kind: 'messenger', settings: {} },
  whatsapp: { kind: 'whatsapp', settings: { surveyText: 'How was it?' } },
  templated: {
    kind: 'whatsapp',
    settings: { surveyText: 'How was it?', closeTemplate: 'conversation_closed' },
  },
};
const WITH_WINDOW = ['messenger', 'whatsapp', 'templated'];
const VERSIONS = [null, '2.0', '2.1'];
const CONSENTS = ['UNKNOWN', 'OPTED_OUT'] as const;

type Someone = {
  channel: string;
  version: string | null;
  consent: (typeof CONSENTS)[number];
  address: string;
};

let world: Sending;
const ids = new Map<string, string>();
beforeAll(async () => {
  world = await openSending();
  for (const [name, { kind, settings }] of Object.entries(CHANNELS))
    ids.set(name, await world.channel(kind, settings));
});
afterAll(() => world.close());

/** Applies an action of every customer in one call. */
async function all(people: readonly Someone[], action: (someone: Someone) => Activity['action']) {
  const results = await world.engine.apply(
    ...people.map((someone) => ({
      target: { channelId: ids.get(someone.channel) as string, address: someone.address },
      action: action(someone),
    })),
  );
  expect(results.map(({ error }) => error)).toEqual(people.map(() => null));
}
const write = (people: readonly Someone[]) =>
  all(people, ({ version }) => ({
    kind: 'INBOUND',
    ...(version === null ? {} : { clientVersion: version }),
  }));
const answer = (people: readonly Someone[]) =>
  all(people, () => ({ kind: 'OUTBOUND', sender: 'AGENT', agentId: world.engine.ann }));
const wait = (ms: number) => world.engine.runUntil(new Date(world.engine.clock.now().getTime() + ms));

/** How conversations come to each end. */
const ENDS: Record<
  EndReason,
  { policy?: Record<string, unknown>; live(people: readonly Someone[]): Promise<void>; except?: string[] }
> = {
  AUTO_CLOSE: {
    policy: { autoCloseAfter: 'PT1H' },
    async live(people) {
      await write(people);
      await answer(people);
      await wait(HOUR);
    },
  },
  UNANSWERED: {
    async live(people) {
      await all(people, () => ({ kind: 'START', by: 'AGENT', agentId: world.engine.ann }));
      await wait(48 * HOUR);
    },
  },
  PROTECTION: {
    policy: { autoClose: false },
    async live(people) {
      await write(people);
      await wait(90 * DAY);
    },
  },
  INACTIVE: {
    policy: { endInactiveAfter: 'PT1H' },
    async live(people) {
      await write(people);
      await answer(people);
      await all(people, () => ({ kind: 'INACTIVATE' }));
      await wait(HOUR);
    },
  },
  QUEUE_TIMEOUT: {
    policy: { queueTimeout: true, queueTimeoutAfter: 'PT10M' },
    async live(people) {
      await write(people);
      await wait(10 * MINUTE);
    },
  },
  COMMAND: {
    async live(people) {
      await write(people);
      await answer(people);
      await all(people, () => ({ kind: 'END', by: 'AGENT', agentId: world.engine.ann }));
    },
  },
  OPT_OUT: {
    async live(people) {
      await write(people);
      await all(people, () => ({ kind: 'INBOUND', text: 'STOP' }));
    },
  },
  SUPERSEDED: {
    policy: { agentMessageWhenInactive: 'NEW_CONVERSATION' },
    // An agent starts no conversation on the web (SF-6).
    except: ['web'],
    async live(people) {
      await write(people);
      await answer(people);
      await all(people, () => ({ kind: 'INACTIVATE' }));
      await answer(people);
    },
  },
  NOTIFICATION: {
    policy: { sessionLongevity: false },
    live: (people) => all(people, () => ({ kind: 'START', by: 'AUTOMATION' })),
  },
};
const TIMERS: readonly EndReason[] = ['AUTO_CLOSE', 'UNANSWERED', 'PROTECTION', 'INACTIVE', 'QUEUE_TIMEOUT'];
const SILENT: Partial<Record<EndReason, string>> = {
  OPT_OUT: 'the customer opted out',
  UNANSWERED: 'the customer never wrote',
  NOTIFICATION: 'it was a notification only',
  SUPERSEDED: 'it goes on in a new conversation',
};

/** The result that LP-2, LP-9, PE-4 and SF-11 require. */
function expected(
  { channel, version, consent }: Someone,
  reason: EndReason,
  isWindowOpen: boolean,
): string[] {
  const nothing = (why: string) =>
    ['SURVEY', 'CLOSE_MESSAGE', 'SEPARATOR'].map((part) => `${part} SKIPPED ${why}`);
  if (consent === 'OPTED_OUT') return nothing('the customer opted out');
  const silent = SILENT[reason];
  if (silent !== undefined) return nothing(silent);
  const byTimer = TIMERS.includes(reason);
  if (channel === 'web' && byTimer) return nothing('an automatic close is silent on the web');
  if (channel === 'in-app' && byTimer && version === '2.1')
    return nothing('an automatic close is silent from SDK 2.1 on');
  const line =
    channel === 'web' || channel === 'in-app'
      ? 'SEPARATOR SENT'
      : 'SEPARATOR SKIPPED the channel has no separators';
  if (isWindowOpen || !WITH_WINDOW.includes(channel)) return ['SURVEY SENT', 'CLOSE_MESSAGE SENT', line];
  const closed = 'SKIPPED the reply window is closed';
  return [`SURVEY ${closed}`, channel === 'templated' ? 'TEMPLATE SENT' : `CLOSE_MESSAGE ${closed}`, line];
}

const WHEN = ['at once', 'a day and an hour later'] as const;
describe.each(Object.keys(ENDS) as EndReason[])('an end by %s', (reason) => {
  it.each(WHEN)(
    'LL-14 shows the allowed parts, and the feed has a reason for every other part: sent %s',
    async (when) => {
      const { policy = {}, live, except = [] } = ENDS[reason];
      await world.engine.policy(policy);
      const consents = reason === 'SUPERSEDED' ? (['UNKNOWN'] as const) : CONSENTS;
      const people = Object.keys(CHANNELS)
        .filter((channel) => !except.includes(channel))
        .flatMap((channel) =>
          VERSIONS.flatMap((version) => consents.map((consent) => ({ channel, version, consent }))),
        )
        .map((one, index): Someone => ({ ...one, address: `${reason} ${when} ${index}` }));
      await live(people);
      await world.engine.policy(Object.fromEntries(Object.keys(policy).map((field) => [field, null])));
      const ended = await world.engine.db.sql`
        select distinct contact.address from conversation
        join contact on contact.account_id = conversation.account_id and contact.id = conversation.contact_id
        where end_reason = ${reason} and contact.address = any(${people.map(({ address }) => address)})`;
      expect(ended).toHaveLength(people.length);
      const optOuts = people.filter(({ consent }) => consent === 'OPTED_OUT');
      if (reason !== 'OPT_OUT' && optOuts.length > 0)
        await all(optOuts, () => ({ kind: 'INBOUND', text: 'STOP' }));

      world.got.length = 0;
      world.engine.clock.advance(when === 'at once' ? 0 : 25 * HOUR);
      await world.relay();
      await world.after(1_000);
      const sent = Map.groupBy(world.got, ({ body }) => body.address ?? body.To ?? body.to);
      const isWindowOpen = when === 'at once' && reason !== 'PROTECTION';
      const feeds = await world.feeds(people.map(({ address }) => address));
      for (const someone of people) {
        const wanted = expected(someone, reason, isWindowOpen).sort();
        expect({ ...someone, feed: feeds.get(someone.address)?.sort() }).toEqual({
          ...someone,
          feed: wanted,
        });
        const count = wanted.filter((line) => line.endsWith(' SENT')).length;
        expect({ ...someone, sent: sent.get(someone.address)?.length ?? 0 }).toEqual({
          ...someone,
          sent: count,
        });
      }
    },
  );
});
