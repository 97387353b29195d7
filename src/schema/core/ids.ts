import { InvalidInputError } from '../../domain/errors.ts';
import { globalId } from '../../domain/global-id.ts';
import { isUuid } from '../../domain/uuid.ts';

/** The types that implement `Node`, each with global ids. */
export const NODE_TYPES = [
  'Account',
  'Agent',
  'ApiKey',
  'Calendar',
  'Channel',
  'Contact',
  'Conversation',
  'Effect',
  'Outage',
  'Skill',
  'WebhookDelivery',
  'WebhookEndpoint',
] as const;
export type NodeType = (typeof NODE_TYPES)[number];

/** Makes the global id (Relay) that clients use: unique over all types. */
export function encodeId(type: NodeType, id: string): string {
  return globalId(type, id);
}

/**
 * Reads a global id of one type.
 * @throws InvalidInputError naming `field`; a malformed id never reaches the database
 */
export function decodeId(type: NodeType, globalId: string, field: string): string {
  const read = parseId(globalId);
  if (read?.type !== type)
    throw new InvalidInputError(field, `an id of type ${type} is allowed, as this API returned it`);
  return read.id;
}

/**
 * Reads an optional global id; null if it is absent. An empty string is malformed, not absent: a filter by it would match all.
 * @throws InvalidInputError naming `field`
 */
export function decodeGiven(
  type: NodeType,
  globalId: string | null | undefined,
  field: string,
): string | null {
  return globalId === null || globalId === undefined ? null : decodeId(type, globalId, field);
}

/** Reads a global id of any type. @throws InvalidInputError naming `field` */
export function decodeAnyId(globalId: string, field: string): { type: NodeType; id: string } {
  const read = parseId(globalId);
  if (read === null) throw new InvalidInputError(field, 'an id that this API returned is allowed');
  return read;
}

function parseId(globalId: string): { type: NodeType; id: string } | null {
  const [name, id, ...rest] = Buffer.from(globalId, 'base64').toString('utf8').split(':');
  const type = NODE_TYPES.find((each) => each === name);
  if (type === undefined || id === undefined || rest.length > 0 || !isUuid(id)) return null;
  return { type, id: id.toLowerCase() };
}
