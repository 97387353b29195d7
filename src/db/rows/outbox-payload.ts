import type { EffectPayload } from '../../domain/closing/owed-effects.ts';
import { PARTS, type Part } from '../../domain/conversation/event.ts';
import { outbox } from '../tables/outbox.ts';
import { columnsOf } from './columns.ts';

/** The kinds of effects. */
export type EffectKind = (typeof outbox.$inferSelect)['kind'];

type Owed = { payload: EffectPayload };
/** The values of a payload's columns. The JSON leaves out what `kind` and `endpoint_id` say. */
export const PAYLOAD_VALUES = {
  kind: ({ payload }: Owed): EffectKind => (payload.kind === 'WEBHOOK' ? 'SEND_WEBHOOK' : 'DELIVER_MESSAGE'),
  endpointId: ({ payload }: Owed) => (payload.kind === 'WEBHOOK' ? payload.endpointId : null),
  payload: ({ payload }: Owed) => ({ ...payload, kind: undefined, endpointId: undefined }),
};
/** The columns of a payload. */
export const PAYLOAD_COLUMNS = columnsOf<Owed>(outbox, PAYLOAD_VALUES);

/** The columns of a payload as they are read. */
export type StoredPayload = Pick<typeof outbox.$inferSelect, 'kind' | 'endpointId' | 'payload'>;

/**
 * Reads the payload of a row. The keys of the JSON tell messages apart, as in the index `outbox_turn`. It never throws, so
 * that one malformed row cannot block a claim.
 */
export function readPayload({ kind, endpointId, payload }: StoredPayload): EffectPayload {
  const { type, at, redeliveredAt, reminder, closing, part, next } = payload;
  if (kind === 'SEND_WEBHOOK')
    return {
      ...{ kind: 'WEBHOOK', endpointId: endpointId ?? '', type: String(type), at: String(at) },
      ...(redeliveredAt === undefined ? {} : { redeliveredAt: String(redeliveredAt) }),
    };
  if (reminder !== undefined) return { kind: 'WARNING', reminder: Number(reminder) };
  const end = { closing: String(closing) };
  if (!isPart(part)) return { kind: 'CLOSING', ...end };
  return { kind: 'PART', ...end, part, ...(isPart(next) ? { next } : {}) };
}

function isPart(value: unknown): value is Part {
  return PARTS.some((part) => part === value);
}
