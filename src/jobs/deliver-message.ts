import type { AdapterContext, ChannelSettings } from '../adapters/adapter.ts';
import { parseSettings, type Registry } from '../adapters/registry.ts';
import type { LifecycleDeps } from '../lifecycle/lifecycle.ts';
import type { CarryOut } from './relay-outbox.ts';

const ANSWER_WITHIN_MS = 15_000;

/** The text of a warning until an account sets its own. */
const WARNING = 'Are you still there? This conversation will close soon.';

/** Sends a warning through its channel's adapter; one that has been answered, or has ended, meanwhile is dropped (PE-2). */
export function deliverMessage(deps: Pick<LifecycleDeps, 'db' | 'clock'>, registry: Registry): CarryOut {
  return async ({ accountId, id, conversationId, revision }) => {
    const [row] = await deps.db.sql`
      select conversation.status, conversation.revision, contact.address, contact.consent, channel.adapter, channel.settings
      from conversation
      join contact on contact.account_id = conversation.account_id and contact.id = conversation.contact_id
      join channel on channel.account_id = conversation.account_id and channel.id = conversation.channel_id
      where conversation.account_id = ${accountId} and conversation.id = ${conversationId}`;
    if (!row || row.address === null) return { state: 'DROPPED', error: 'the contact is gone' };
    if (row.status === 'ENDED' || row.revision !== revision)
      return { state: 'DROPPED', error: 'the conversation has gone on since' };
    if (row.consent === 'OPTED_OUT') return { state: 'DROPPED', error: 'the customer has opted out' };
    const adapter = registry.get(row.adapter);
    const context: AdapterContext<ChannelSettings> = {
      settings: parseSettings(adapter, row.settings),
      fetch,
      now: () => deps.clock.now(),
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    };
    const result = await adapter.deliver(
      { id, conversationId, address: row.address, kind: 'WARNING', text: WARNING },
      context,
    );
    if (result.outcome === 'ACCEPTED') return { state: 'SENT' };
    if (result.outcome === 'REJECTED') return { state: 'DEAD', error: result.reason };
    return { state: 'RETRY', error: 'the channel asked to be tried again', afterMs: result.afterMs };
  };
}
