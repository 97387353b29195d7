import type { EffectPayload } from '../../domain/closing/owed-effects.ts';
import { PARTS, type Part } from '../../domain/conversation/event.ts';
import type { Column } from './unnest.ts';

/** The two kinds of effects, as the column `kind` has them. */
export type EffectKind = 'DELIVER_MESSAGE' | 'SEND_WEBHOOK';

/** The columns of a payload. The JSON leaves out what `kind` and `endpoint_id` say. */
export const PAYLOAD_COLUMNS: readonly Column<{ payload: EffectPayload }>[] = [
  {
    name: 'kind',
    type: 'text',
    of: ({ payload }): EffectKind => (payload.kind === 'WEBHOOK' ? 'SEND_WEBHOOK' : 'DELIVER_MESSAGE'),
  },
  {
    name: 'endpoint_id',
    type: 'uuid',
    of: ({ payload }) => (payload.kind === 'WEBHOOK' ? payload.endpointId : null),
  },
  {
    name: 'payload',
    type: 'jsonb',
    of: ({ payload }) => ({ ...payload, kind: undefined, endpointId: undefined }),
  },
];

/** The same as a row has them. */
export type StoredPayload = { kind: EffectKind; endpointId: string | null; payload: Record<string, unknown> };

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
