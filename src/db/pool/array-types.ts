import type { DriverOptions } from './driver.ts';

/** Every type that has an array type, and that type. */
export const ARRAY_TYPES = `
  select oid, typarray as array_oid from pg_catalog.pg_type where typarray <> 0 and typdelim = ','`;

type Parse = (text: string) => unknown;
type Serialize = (value: unknown) => unknown;

/**
 * Adds the array types to the driver's options. The driver would read them at the start of each connection, and if that
 * failed, the rejection would be unhandled and crash the process.
 */
export function learnArrayTypes(
  options: DriverOptions,
  rows: readonly { oid: number; array_oid: number }[],
): void {
  const parsers = options.parsers as Record<number, Parse & { array?: true }>;
  const serializers = options.serializers as Record<number, Serialize>;
  for (const { oid, array_oid: arrayOid } of rows) {
    options.shared.typeArrayMap[oid] = arrayOid;
    const parse = parsers[oid] ?? ((text: string) => text);
    // The driver leaves out the first brace for a parser that is marked like this.
    parsers[arrayOid] = Object.assign((text: string) => parseArray(`{${text}`, parse), {
      array: true as const,
    });
    serializers[arrayOid] = (value) => serializeArray(value, serializers[oid] ?? String);
  }
}

/** An array in the notation of Postgres. A value that is not an array is in that notation already. */
export function serializeArray(value: unknown, serialize: Serialize): unknown {
  if (!Array.isArray(value)) return value;
  const elements = value.map((each) => {
    if (each === null) return 'null';
    if (each === undefined) throw new TypeError('an array for the database has an element that is undefined');
    if (Array.isArray(each)) return serializeArray(each, serialize);
    return `"${String(serialize(each)).replace(/["\\]/g, '\\$&')}"`;
  });
  return `{${elements.join(',')}}`;
}

/** A quoted element, an unquoted element, a brace or a comma. */
const TOKEN = /"((?:[^"\\]|\\.)*)"|([^{},"]+)|([{}])|,/gs;

/** Reads an array of any number of dimensions in the notation of Postgres. */
export function parseArray(text: string, parse: Parse): unknown[] {
  const open: unknown[][] = [[]];
  // Postgres writes bounds that do not start at 1 before the array.
  for (const [, quoted, bare, brace] of text.slice(text.indexOf('{')).matchAll(TOKEN)) {
    const into = open.at(-1) as unknown[];
    if (quoted !== undefined) into.push(parse(quoted.replace(/\\(.)/gs, '$1')));
    else if (bare !== undefined) into.push(bare === 'NULL' ? null : parse(bare));
    else if (brace === '{') open.push([]);
    else if (brace === '}') (open.at(-2) as unknown[]).push(open.pop());
  }
  return open[0]?.[0] as unknown[];
}
