import { Client, type CombinedError, fetchExchange } from '@urql/core';
import { initGraphQLTada, type ResultOf, readFragment } from 'gql.tada';
import { print } from 'graphql';
import type { introspection } from './graphql-env.d.ts';
import { openEventStream } from './sse.ts';

/** Documents are typed by the schema itself: what is asked for, what goes in and what comes out. */
const graphql = initGraphQLTada<{
  introspection: introspection;
  scalars: { DateTime: string; Duration: string; JSONObject: Record<string, unknown> };
}>();

/** What this client shows of a conversation; `closing` is what the customer sees at the end. */
const SHOWN = graphql(`
  fragment Shown on Conversation @_unmask {
    id revision status
    contact { address }
    due { at timer willDo }
    endsAt
    ending { at reason }
    closing { survey closeMessage separator }
  }
`);
export type Shown = ResultOf<typeof SHOWN>;

const DUE_NEXT = graphql(
  `
  query DueNext($first: Int!) {
    conversations(first: $first, filter: { status: [ACTIVE, WAITING] }, orderBy: { field: DUE }) {
      nodes { ...Shown }
    }
  }
`,
  [SHOWN],
);

const END = graphql(`
  mutation End($id: ID!, $key: String!) {
    endConversation(conversationId: $id, by: AGENT, idempotencyKey: $key) {
      __typename
      ... on Conversation { id status ending { at reason } }
      ... on ConversationEndedError { code conversationId }
      ... on Error { code message }
    }
  }
`);

const CURSOR = graphql('query Cursor { eventsCursor }');

const EVENTS = graphql(
  `
  query Events($after: String) {
    events(after: $after, first: 200) {
      nodes { kind effect at revision conversation { ...Shown } }
      pageInfo { hasNextPage endCursor }
    }
  }
`,
  [SHOWN],
);

const CHANGED = graphql('subscription Changed { conversationChanged { ...Shown } }', [SHOWN]);

/** A small client of Lull: what falls due next, ending a conversation, and following all that happens. */
export type LullClient = ReturnType<typeof openClient>;

export function openClient(url: string, key: string) {
  const headers = { authorization: `Bearer ${key}` };
  const client = new Client({
    url,
    preferGetMethod: false,
    requestPolicy: 'network-only',
    exchanges: [fetchExchange],
    fetchOptions: { headers },
  });

  return {
    /** The open conversations that something will happen to first. */
    async dueNext(first: number): Promise<Shown[]> {
      const { data } = orThrow(await client.query(DUE_NEXT, { first }));
      return data.conversations.nodes.map((node) => readFragment(SHOWN, node));
    },

    /** Ends a conversation; safe to call again with the same key. */
    async end(id: string, idempotencyKey: string) {
      const { data } = orThrow(await client.mutation(END, { id, key: idempotencyKey }));
      return data.endConversation;
    },

    /** The end of the account's feed. Read it before the conversations, so that nothing falls in between. */
    async cursor(): Promise<string> {
      return orThrow(await client.query(CURSOR, {})).data.eventsCursor;
    },

    /** Everything that happened after a cursor, up to now, and the cursor to go on from. */
    async eventsAfter(cursor: string | null) {
      const events = [];
      for (let after = cursor; ; ) {
        const { data } = orThrow(await client.query(EVENTS, { after }));
        events.push(...data.events.nodes);
        after = data.events.pageInfo.endCursor ?? after;
        if (!data.events.pageInfo.hasNextPage) return { events, cursor: after };
      }
    },

    /** Changed conversations as they change, once the connection is there. It ends or throws if the connection is lost. */
    async changes(signal: AbortSignal): Promise<AsyncGenerator<Shown>> {
      const stream = await openEventStream(url, headers, { query: print(CHANGED) }, signal);
      return (async function* () {
        for await (const { data } of stream)
          yield readFragment(SHOWN, (data as ResultOf<typeof CHANGED>).conversationChanged);
      })();
    },
  };
}

/** The data of an answer. @throws the API's error */
function orThrow<Data>(result: { data?: Data | undefined; error?: CombinedError | undefined }): {
  data: Data;
} {
  if (result.data === undefined || result.data === null) throw result.error;
  return { data: result.data };
}
