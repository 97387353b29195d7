import fc from 'fast-check';
import { INSTANTS, NUMBERS, TEXTS, VALID_INSTANTS } from './dictionary.ts';
import { anything, chance, type Give, jsonOf, pick } from './values.ts';

const any = () => anything;
const KEYS = ['__proto__', 'constructor', 'toString', '', 'a'.repeat(1_000), 'events', 'id', 'type'];
const SECONDS = [
  '0',
  '1',
  '-1',
  '1e3',
  '99999999999',
  '999999999999999',
  '1767618000.5',
  ' 1767618000',
  '١٢٣',
];

/** Bodies that resemble a provider's: parts are missing, duplicated or of another type. */
export function likeness(bodies: readonly string[]): fc.Arbitrary<string> {
  return fc.gen().map((give) => {
    const body = pick(give, bodies);
    return body.startsWith('{') || body.startsWith('[')
      ? jsonOf(changed(give, JSON.parse(body)))
      : changedForm(give, body);
  });
}

/** The same value with some of its contents changed. */
function changed(give: Give, value: unknown, depth = 0): unknown {
  if (depth > 0 && chance(give, 1)) return hostile(give);
  if (Array.isArray(value)) {
    const items = value.map((each) => changed(give, each, depth + 1));
    const text = JSON.stringify(items);
    const isSmall = text.length < 1_000 && !/[[<]/.test(text.slice(1));
    const times = isSmall && chance(give, 2) ? 1_001 : pick(give, [1, 1, 1, 1, 1, 1, 0, 2]);
    return Array.from({ length: times }, () => items).flat();
  }
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(
      Object.entries(value).flatMap(([key, each]) => {
        if (chance(give, 1)) return [];
        return [[chance(give, 1) ? pick(give, KEYS) : key, changed(give, each, depth + 1)]];
      }),
    );
  const isInstant = typeof value === 'string' && /^\d{4}-/.test(value);
  if (isInstant && chance(give, 30)) return pick(give, [...INSTANTS, ...VALID_INSTANTS]);
  return chance(give, 6) ? hostile(give) : value;
}

function hostile(give: Give): unknown {
  const kind = pick(give, ['text', 'text', 'number', 'instant', 'seconds', 'any', 'any', 'null']);
  switch (kind) {
    case 'text':
      return pick(give, TEXTS);
    case 'number':
      return pick(give, [...NUMBERS, -1, 0, 1]);
    case 'instant':
      return pick(give, [...INSTANTS, ...VALID_INSTANTS]);
    case 'seconds':
      return pick(give, SECONDS);
    case 'null':
      return null;
    default:
      return give(any);
  }
}

function changedForm(give: Give, body: string): string {
  const parts = [...new URLSearchParams(body)].flatMap(([name, value]) => {
    if (chance(give, 4)) return [];
    const key = chance(give, 3) ? pick(give, KEYS) : name;
    const one = `${encode(key)}=${chance(give, 15) ? encode(jsonOf(hostile(give))) : encode(value)}`;
    return chance(give, 4) ? [one, one] : [one];
  });
  return parts.join(pick(give, ['&', '&', '&', '&', ';']));
}

/** Also what has no form in UTF-8: as the bytes of half a surrogate pair. */
function encode(text: string): string {
  return text.isWellFormed() ? encodeURIComponent(text) : '%ED%A0%80';
}
