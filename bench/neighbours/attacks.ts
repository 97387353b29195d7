import { encodeId } from '../../src/schema/core/ids.ts';
import type { Account } from '../seed.ts';
import type { AttackJob } from './attacker.ts';

/** The requests of an attack, and those that prepare it before the measurement. */
type Attack = { jobs: readonly AttackJob[]; first?: readonly string[] };
/** The loads that one account can put on its neighbours, by name. Each is allowed, or refused by a limit. */
export type Attacks = Record<string, Attack>;

/** Where the attacker is, and with what. */
export type Attacker = {
  /** Of the service, without a path. */
  url: string;
  /** One key for each attack: none has used up another's requests. */
  headers(): Record<string, string>;
  big: Account;
  /** Channels whose provider hangs, and whose provider answers without an end. */
  hanging: string;
  flooding: string;
  /** Conversations of the big account that have many events. */
  deep: readonly string[];
};

const YEAR = 'from: "2026-01-01T00:00:00Z", until: "2027-01-01T00:00:00Z"';
/** Sixteen connections that pause so long ask as often as the limit by key allows for ever. */
const PAUSE_MS = 160;
const CONNECTIONS = 16;

const many = (count: number, of: (at: number) => string) => Array.from({ length: count }, (_, at) => of(at));
const inOne = (fields: readonly string[]) => JSON.stringify({ query: `{ ${fields.join(' ')} }` });

export function attacksOf({ url, headers, big, hanging, flooding, deep }: Attacker): Attacks {
  const graphql = `${url}/graphql`;
  const ask = (bodies: readonly string[], connections = CONNECTIONS): AttackJob => ({
    ...{ kind: 'ask', url: graphql, headers: headers(), bodies, connections, pauseMs: PAUSE_MS },
  });
  const record = (activities: readonly object[]) =>
    JSON.stringify({
      query: `mutation ($input: RecordActivitiesInput!) { recordActivities(input: $input) { __typename } }`,
      variables: { input: { activities } },
    });
  const comments = deep.slice(0, 5).map((conversationId) => ({ kind: 'COMMENT', conversationId }));
  const channelId = encodeId('Channel', big.lanes[0]?.facts.channelId ?? '');
  const sends = (to: string) => [
    ...many(20, (batch) =>
      record(
        many(200, (at) => `send ${to} ${batch} ${at}`).map((address) => ({
          kind: 'INBOUND',
          channelId: to,
          address,
        })),
      ),
    ),
    ...many(8, () =>
      JSON.stringify({
        query: `mutation { endConversations(filter: { channelId: "${to}" }, by: AGENT, limit: 500) { __typename } }`,
      }),
    ),
  ];
  const tags = (batch: number) =>
    record(
      many(1000, (at) => `tags ${at}`).map((address, at) => ({
        ...{ kind: 'TAG', channelId, address },
        add: many(50, (tag) => `${batch} ${at} ${tag}`),
      })),
    );
  const token = ['{"alg":"RS256","kid":"k"}', '{"sub":"a","exp":9999999999}', 'signature']
    .map((part) => Buffer.from(part).toString('base64url'))
    .join('.');
  return {
    'reports, 30 in a request': {
      jobs: [ask([inOne(many(30, (at) => `r${at}: report(${YEAR}, by: AGENT) { total { started } }`))])],
    },
    'reports, as many as are allowed': {
      jobs: [ask([inOne(many(3, (at) => `r${at}: report(${YEAR}, by: AGENT) { total { started } }`))])],
    },
    runs: { jobs: [ask([inOne(many(20, (at) => `r${at}: runs(first: 20) { nodes { ended } }`))])] },
    filters: {
      jobs: [
        ask([
          inOne(['conversations(first: 20, filter: { tag: "nobody" }) { nodes { id } }']),
          inOne(['conversations(first: 20, filter: { status: [NEW], awaiting: AGENT }) { nodes { id } }']),
          inOne([
            'conversations(first: 20, orderBy: { field: DUE }, filter: { tag: "nobody" }) { nodes { id } }',
          ]),
        ]),
      ],
    },
    'deep feeds': {
      jobs: [
        ask([
          inOne(['conversations(first: 80) { nodes { feed(first: 200) { nodes { revision kind at } } } }']),
          inOne(['conversations(first: 9) { nodes { feed(first: 100) { nodes { revision kind at } } } }']),
        ]),
      ],
    },
    'subscriptions with feeds': {
      jobs: [
        {
          ...{ kind: 'listen', url: graphql, headers: headers(), count: 900 },
          body: JSON.stringify({
            query:
              'subscription { conversationChanged { id feed(first: 200) { nodes { revision kind at } } } }',
          }),
        },
        ask([record(comments)], 1),
      ],
    },
    tags: { jobs: [ask(many(4, tags), 2)] },
    'bodies without a key': {
      jobs: [
        {
          kind: 'slow',
          url: `${url}/webhooks/${big.accountId}/${big.lanes[0]?.facts.channelId}`,
          bytes: 1_000_000,
          count: 260,
        },
      ],
    },
    'tokens while the key server hangs': {
      jobs: [
        {
          ...{
            kind: 'ask',
            url: graphql,
            bodies: [inOne(['account { name }'])],
            connections: 100,
            pauseMs: 200,
          },
          headers: { authorization: `Bearer ${token}` },
        },
      ],
    },
    // Last, for what is owed goes on being tried.
    'a provider that hangs': { jobs: [], first: sends(hanging) },
    'a provider without an end': { jobs: [], first: sends(flooding) },
  };
}
