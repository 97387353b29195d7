import type { StoredConversation } from '../../db/rows/conversations.ts';
import { NotFoundError } from '../../domain/errors.ts';
import type { Changed } from '../../engine.ts';
import { builder } from '../core/builder.ts';
import type { Context } from '../core/context.ts';
import { decodeGiven } from '../core/ids.ts';
import { Conversation } from './conversation.ts';

/** Ids kept for a subscriber who reads slowly; beyond, the oldest are dropped. */
const WAITING_AT_MOST = 10_000;
/** Conversations told of together, and rows read for them, at most. */
const TOLD_AT_ONCE = 500;
const ROWS_AT_ONCE = 1_000;

builder.subscriptionField('conversationChanged', (t) =>
  t.field({
    type: Conversation,
    description:
      'A conversation, each time it has changed: by an activity, a command or a timer. Changes that follow each other closely may come as one.',
    args: { conversationId: t.arg.id({ description: 'Only this one; absent: all of the account.' }) },
    async subscribe(_root, args, context) {
      const wanted = decodeGiven('Conversation', args.conversationId, 'conversationId');
      if (wanted === null) return await changes(context, () => true, each);
      const found = await context.load.conversation(wanted);
      if (found === null) throw new NotFoundError('conversationId', 'conversation');
      return await changes(context, (id) => id === wanted, each);
    },
    resolve: (conversation) => conversation,
  }),
);

const each = (conversations: StoredConversation[]) => conversations;

/**
 * What a subscriber is told of the account's conversations as they change: `tell` makes it of those that changed
 * together. It listens before it returns, and stops listening when it is returned from or the server stops, even
 * while it waits.
 */
export async function changes<Told>(
  { accountId, deps, eventCost, isCostlyEvent, readChanged, stopping }: Context,
  isWanted: (id: string) => boolean,
  tell: (conversations: StoredConversation[]) => Told[],
): Promise<AsyncIterableIterator<Told>> {
  const changed = new Set<string>();
  const ready: Told[] = [];
  const atOnce = Math.max(1, Math.min(TOLD_AT_ONCE, Math.floor(ROWS_AT_ONCE / eventCost)));
  let open = true;
  let wake = () => {};

  const note = ({ conversationIds }: Changed) => {
    for (const id of conversationIds) if (isWanted(id)) changed.add(id);
    for (const id of changed) {
      if (changed.size <= WAITING_AT_MOST) break;
      changed.delete(id);
    }
    wake();
  };
  const unsubscribe = await deps.subscribe(accountId, note, eventCost);
  const close = () => {
    if (!open) return;
    open = false;
    stopping.removeEventListener('abort', close);
    wake();
    unsubscribe().catch((error) => deps.log.warn({ err: error }, 'a subscription could not be ended'));
  };
  stopping.addEventListener('abort', close);
  if (stopping.aborted) close();

  async function next(): Promise<IteratorResult<Told>> {
    while (open) {
      const told = ready.shift();
      if (told !== undefined) return { done: false, value: told };
      if (changed.size === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      const cost = Math.min(changed.size, atOnce) * eventCost;
      await deps.turns.take(accountId, cost, isCostlyEvent ? 'COSTLY_EVENT' : 'EVENT');
      if (!open) break;
      const ids = [...changed].slice(0, atOnce);
      for (const id of ids) changed.delete(id);
      const rows = await Promise.all(ids.map((id) => readChanged(accountId, id)));
      ready.push(...tell(rows.filter((row) => row !== null)));
    }
    return { done: true, value: undefined };
  }

  const iterator: AsyncIterableIterator<Told> = {
    next,
    async return() {
      close();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => iterator,
  };
  return iterator;
}
