import type { StoredConversation } from '../../db/rows/conversations.ts';
import { NotFoundError } from '../../domain/errors.ts';
import type { Changed } from '../../engine.ts';
import { builder } from '../core/builder.ts';
import type { Context } from '../core/context.ts';
import { decodeGiven } from '../core/ids.ts';
import { Conversation } from './conversation.ts';

/** Ids that wait for a slow subscriber; beyond that the oldest are dropped. */
const MAX_WAITING = 10_000;
/** Conversations that are read together, and rows that are read for them. */
const MAX_BATCH = 500;
const MAX_BATCH_ROWS = 1_000;

builder.subscriptionField('conversationChanged', (t) =>
  t.field({
    type: Conversation,
    description:
      'A conversation after each change by an activity, a command or a timer. Changes in quick succession are coalesced into one event. Code NOT_FOUND if `conversationId` is unknown.',
    args: {
      conversationId: t.arg.id({
        description: 'The id of the conversation to watch. Default: all conversations of the account.',
      }),
    },
    async subscribe(_root, args, context) {
      const wanted = decodeGiven('Conversation', args.conversationId, 'conversationId');
      if (wanted === null) return await streamChanges(context, () => true, each);
      const found = await context.load.conversation(wanted);
      if (found === null) throw new NotFoundError('conversationId', 'conversation');
      return await streamChanges(context, (id) => id === wanted, each);
    },
    resolve: (conversation) => conversation,
  }),
);

const each = (conversations: StoredConversation[]) => conversations;

type Stream<Value> = {
  context: Context;
  /** Ids of changed conversations that have not been read yet, the oldest first. */
  changed: Set<string>;
  /** Values that were read and wait for the subscriber. */
  ready: Value[];
  toEvents: (conversations: StoredConversation[]) => Value[];
  isOpen: boolean;
  /** Ends the wait of `next`. */
  wake: () => void;
};

/**
 * Streams what `toEvents` makes of the account's conversations that change. It listens before it returns. It stops when the
 * subscriber leaves or the server stops, also while it waits.
 */
export async function streamChanges<Value>(
  context: Context,
  isWanted: (id: string) => boolean,
  toEvents: (conversations: StoredConversation[]) => Value[],
): Promise<AsyncIterableIterator<Value>> {
  const { accountId, deps, eventCost, stopping } = context;
  const stream: Stream<Value> = {
    ...{ context, changed: new Set(), ready: [], toEvents, isOpen: true, wake: () => {} },
  };
  const unsubscribe = await deps.subscribe(
    accountId,
    (changed) => note(stream, changed, isWanted),
    eventCost,
  );
  const close = () => {
    if (!stream.isOpen) return;
    stream.isOpen = false;
    stopping.removeEventListener('abort', close);
    stream.wake();
    unsubscribe().catch((error) => deps.log.warn({ err: error }, 'a subscription could not be closed'));
  };
  stopping.addEventListener('abort', close);
  if (stopping.aborted) close();
  const iterator: AsyncIterableIterator<Value> = {
    next: () => next(stream),
    async return() {
      close();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => iterator,
  };
  return iterator;
}

function note(
  { changed, wake }: Stream<unknown>,
  { conversationIds }: Changed,
  isWanted: (id: string) => boolean,
): void {
  for (const id of conversationIds) if (isWanted(id)) changed.add(id);
  for (const id of changed) {
    if (changed.size <= MAX_WAITING) break;
    changed.delete(id);
  }
  wake();
}

async function next<Value>(stream: Stream<Value>): Promise<IteratorResult<Value>> {
  while (stream.isOpen) {
    const value = stream.ready.shift();
    if (value !== undefined) return { done: false, value };
    if (stream.changed.size > 0) await readBatch(stream);
    else
      await new Promise<void>((resolve) => {
        stream.wake = resolve;
      });
  }
  return { done: true, value: undefined };
}

/** Reads changed conversations in the turn of their account; nothing if the stream was closed meanwhile. */
async function readBatch<Value>(stream: Stream<Value>): Promise<void> {
  const { changed, context } = stream;
  const { accountId, deps, eventCost, isCostlyEvent, readChanged } = context;
  const size = Math.max(1, Math.min(MAX_BATCH, Math.floor(MAX_BATCH_ROWS / eventCost)));
  const rows = Math.min(changed.size, size) * eventCost;
  await deps.turns.take(accountId, rows, isCostlyEvent ? 'COSTLY_EVENT' : 'EVENT');
  if (!stream.isOpen) return;
  const ids = [...changed].slice(0, size);
  for (const id of ids) changed.delete(id);
  const read = await Promise.all(ids.map((id) => readChanged(accountId, id)));
  stream.ready.push(...stream.toEvents(read.filter((row) => row !== null)));
}
