import { InvalidInputError } from '../../domain/errors.ts';
import { globalId } from '../../domain/global-id.ts';
import { isUuid } from '../../domain/uuid.ts';

/** Every type with a global id: those that implement `Node`. */
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

/** The id by which clients know a thing: Relay's global id, unique over all types. */
export function encodeId(type: NodeType, id: string): string {
  return globalId(type, id);
}

/**
 * Reads a global id of one type.
 * @throws InvalidInputError naming `field`, so that no malformed id ever reaches the database
 */
export function decodeId(type: NodeType, globalId: string, field: string): string {
  const read = parseId(globalId);
  if (read?.type !== type) throw new InvalidInputError(field, `the id of a type ${type} is allowed`);
  return read.id;
}

/**
 * Reads a global id where there is one; null where it is left out. An empty one is not left out: it would be taken
 * for more than was asked.
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
  if (read === null) throw new InvalidInputError(field, `an id that this API has given is allowed`);
  return read;
}

function parseId(globalId: string): { type: NodeType; id: string } | null {
  const [name, id, ...rest] = Buffer.from(globalId, 'base64').toString('utf8').split(':');
  const type = NODE_TYPES.find((each) => each === name);
  if (type === undefined || id === undefined || rest.length > 0 || !isUuid(id)) return null;
  return { type, id: id.toLowerCase() };
}
