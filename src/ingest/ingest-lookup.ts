import type { Sql } from 'postgres';
import type { StoredContact } from '../db/rows/contacts.ts';
import { CONVERSATION_NAMES, conversationOf, type StoredConversation } from '../db/rows/conversations.ts';
import { type Column, single, unnest, valuesOf, valuesOfOne } from '../db/rows/unnest.ts';

/** What one activity of a call names. Ids are UUIDs. */
export type Lookup = {
  /** Its position in the call. */
  index: number;
  target: { conversationId: string } | { channelId: string; address: string };
  messageId: string | null;
  agentId: string | null;
  skillId: string | null;
};

/** The rows that an activity refers to, in one snapshot, without locks. */
export type Found = {
  contact: StoredContact | null;
  /** The contact's newest conversation, open or ended. */
  latest: StoredConversation | null;
  /** The conversation in which its message was recorded before. Null if it is new or has no message id. */
  seenOn: string | null;
  agentKind: 'HUMAN' | 'BOT' | null;
  hasSkill: boolean;
};

const COLUMNS: readonly Column<Lookup>[] = [
  { name: 'index', type: 'int', of: (row) => row.index },
  {
    name: 'conversation_id',
    type: 'uuid',
    of: ({ target }) => ('conversationId' in target ? target.conversationId : null),
  },
  { name: 'channel_id', type: 'uuid', of: ({ target }) => ('channelId' in target ? target.channelId : null) },
  { name: 'address', type: 'text', of: ({ target }) => ('address' in target ? target.address : null) },
  { name: 'message_id', type: 'text', of: (row) => row.messageId },
  { name: 'agent_id', type: 'uuid', of: (row) => row.agentId },
  { name: 'skill_id', type: 'uuid', of: (row) => row.skillId },
];

const BY_ADDRESS = `left join contact on contact.account_id = $1 and contact.channel_id = asked.channel_id and contact.address = asked.address`;
const BY_CONVERSATION = `left join conversation as named on named.account_id = $1 and named.id = asked.conversation_id
  left join contact on contact.account_id = $1 and contact.id = named.contact_id`;

const CONTACT = `contact.id as c_id, contact.channel_id as c_channel_id, contact.latest_conversation_id as c_latest,
  contact.client_version as c_client_version, contact.locale as c_locale, contact.consent as c_consent,
  contact.consent_at as c_consent_at, contact.erased_at is not null as c_is_erased, contact.erased_before as c_erased_before`;

/** The statement for a call whose activities all name a conversation, or all an address. */
const read = (lookups: string, joinContact: string) => `
  select account.rules_version as a_rules_version, clock_timestamp() as a_read_at, asked.index as a_index, ${CONTACT},
    event.conversation_id as a_seen_on, agent.kind as a_agent_kind, skill.id is not null as a_has_skill,
    conversation.account_id, ${CONVERSATION_NAMES.map((name) => `conversation.${name}`).join(', ')}
  from account cross join (${lookups}) as asked
  ${joinContact}
  left join conversation on conversation.account_id = $1 and conversation.id = contact.latest_conversation_id
  left join event on event.account_id = $1 and event.channel_id = contact.channel_id and event.message_id = asked.message_id
  left join agent on agent.account_id = $1 and agent.id = asked.agent_id
  left join skill on skill.account_id = $1 and skill.id = asked.skill_id
  where account.account_id = $1`;
const [ONE, MANY] = [single(COLUMNS, 2), unnest(COLUMNS, 2)];
const READ = {
  byAddress: { one: read(ONE, BY_ADDRESS), many: read(MANY, BY_ADDRESS) },
  byConversation: { one: read(ONE, BY_CONVERSATION), many: read(MANY, BY_CONVERSATION) },
};

/**
 * Reads what a call's activities refer to, by index, and the account's rules version. It takes one statement, or two if some
 * activities name conversations and some addresses. `readAt` is the database's time. Returns null for an unknown account.
 */
export async function lookUp(
  sql: Sql,
  accountId: string,
  lookups: readonly Lookup[],
): Promise<{ rulesVersion: number; found: Found[]; readAt: Date } | null> {
  const parts = Object.groupBy(lookups, ({ target }) =>
    'conversationId' in target ? 'byConversation' : 'byAddress',
  );
  const answers = await Promise.all(
    (Object.keys(parts) as (keyof typeof READ)[]).map((part) =>
      readPart(sql, accountId, READ[part], parts[part] ?? []),
    ),
  );
  const rows = answers.flat();
  if (rows.length < lookups.length) return null;
  const found: Found[] = [];
  for (const row of rows) found[row.a_index] = foundOf(row);
  // The older of two snapshots counts: a newer version can be loaded later, but a loaded one cannot be taken back.
  const versions = answers.map(([row]) => Number(row?.a_rules_version));
  const instants = answers.map(([row]) => Number(row?.a_read_at));
  return { rulesVersion: Math.min(...versions), found, readAt: new Date(Math.min(...instants)) };
}

function readPart(
  sql: Sql,
  accountId: string,
  { one, many }: (typeof READ)[keyof typeof READ],
  asked: readonly Lookup[],
) {
  const [first, ...more] = asked;
  return first !== undefined && more.length === 0
    ? sql.unsafe(one, [accountId, ...valuesOfOne(COLUMNS, first)], { prepare: true })
    : sql.unsafe(many, [accountId, ...valuesOf(COLUMNS, asked)], { prepare: true });
}

function foundOf(row: Record<string, unknown>): Found {
  return {
    contact:
      row.c_id === null
        ? null
        : ({
            id: row.c_id,
            channelId: row.c_channel_id,
            latestConversationId: row.c_latest,
            clientVersion: row.c_client_version,
            locale: row.c_locale,
            consent: row.c_consent,
            consentAt: row.c_consent_at,
            isErased: row.c_is_erased,
            erasedBefore: row.c_erased_before,
          } as StoredContact),
    latest: row.id === null ? null : conversationOf(row),
    seenOn: row.a_seen_on,
    agentKind: row.a_agent_kind,
    hasSkill: row.a_has_skill,
  } as Found;
}
