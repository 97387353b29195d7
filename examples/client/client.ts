import { Client, fetchExchange } from '@urql/core';
import { initGraphQLTada } from 'gql.tada';
import type { introspection } from './graphql-env.d.ts';

/** Documents are typed by the schema itself: what is asked for, what goes in and what comes out. */
const graphql = initGraphQLTada<{
  introspection: introspection;
  scalars: { DateTime: string; Duration: string; JSONObject: Record<string, unknown> };
}>();

const DUE_NEXT = graphql(`
  query DueNext($first: Int!) {
    conversations(first: $first, filter: { status: [ACTIVE, WAITING] }, orderBy: { field: DUE }) {
      nodes { id status contact { address } due { at timer willDo } }
    }
  }
`);

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

const EVENTS = graphql(`
  query Events($after: String) {
    events(after: $after, first: 200) {
      nodes { kind effect at revision conversation { id status } }
      pageInfo { hasNextPage endCursor }
    }
  }
`);

/** A small client of Lull: what falls due next, ending a conversation, and following all that happens. */
export function openClient(url: string, key: string) {
  const client = new Client({
    url,
    preferGetMethod: false,
    exchanges: [fetchExchange],
    fetchOptions: { headers: { authorization: `Bearer ${key}` } },
  });

  return {
    /** The open conversations that something will happen to first. */
    async dueNext(first: number) {
      const { data, error } = await client.query(DUE_NEXT, { first });
      if (!data) throw error;
      return data.conversations.nodes;
    },

    /** Ends a conversation; safe to call again with the same key. */
    async end(id: string, idempotencyKey: string) {
      const { data, error } = await client.mutation(END, { id, key: idempotencyKey });
      if (!data) throw error;
      return data.endConversation;
    },

    /** Everything that happened after a cursor, up to now, and the cursor to go on from. */
    async eventsAfter(cursor: string | null) {
      const events = [];
      for (let after = cursor; ; ) {
        const { data, error } = await client.query(EVENTS, { after });
        if (!data) throw error;
        events.push(...data.events.nodes);
        after = data.events.pageInfo.endCursor ?? after;
        if (!data.events.pageInfo.hasNextPage) return { events, cursor: after };
      }
    },
  };
}
