import type { Adapter } from '../adapter.ts';
import { destinationsOf, settingsSchemaOf } from '../settings.ts';
import { check } from './check.ts';
import type { AdapterSamples, ContractCase } from './contract.ts';
import { attempt, MESSAGES, PLACE } from './deliver.ts';

/** A part of a host that no message is sent to by chance. */
const CANARY = 'canary-5d1f7c';
/** How a setting may say where something is sent. */
const PLACES = [`https://${CANARY}.example`, `${CANARY}.example`, CANARY];
/** Addresses of customers that would lead elsewhere, if they entered a path as they are. */
const ADDRESSES = [
  ...['.', '..', '...', '%2e%2e', '%2E', '../../admin', 'a/../../../admin', 'a/b', '/', '\\..\\admin', ''],
  ...['%2f..%2fadmin', '?admin=1', '#admin', ';admin', '@admin', ':80', 'a b', '\u202e', '\ud800', 'x\r\ny'],
];

type Path = readonly (string | number)[];

/** What holds for the places that an adapter sends to. */
export function destinationCases(adapter: Adapter, samples: AdapterSamples): ContractCase[] {
  const sentTo = async (settings: unknown) => {
    const given = { settings, now: samples.now };
    const attempts = await Promise.all(
      MESSAGES.map((message) => attempt(adapter, given, message, samples.taken)),
    );
    return attempts.flatMap(({ requests }) => requests.map(({ url }) => url.hostname));
  };
  return [
    {
      name: 'sends to no host that a setting names which is not marked as a destination',
      async run() {
        const marked = destinationsOf(adapter);
        const names = Object.keys(settingsSchemaOf(adapter).properties ?? {}).map((name): Path => [name]);
        for (const path of [...names, ...textsIn(samples.settings)])
          for (const place of PLACES) {
            const settings = replaced(samples.settings, path, place);
            if (marked.includes(String(path[0])) || !adapter.settings.safeParse(settings).success) continue;
            for (const host of await sentTo(settings))
              check(!host.includes(CANARY), `${path[0]} says where messages go: mark it by destination()`);
          }
      },
    },
    {
      name: 'keeps the address of a customer within its place in a path',
      async run() {
        for (const message of MESSAGES) {
          const usual = await attempt(adapter, samples, message, samples.taken);
          for (const address of ADDRESSES) {
            const { requests } = await attempt(adapter, samples, { ...message, address }, samples.taken);
            for (const [index, { url }] of requests.entries())
              checkPath(url, usual.requests[index]?.url, address);
          }
        }
      },
    },
  ];
}

/** Fails unless a URL differs from the usual one only where that has the address. */
function checkPath(url: URL, usual: URL | undefined, address: string): void {
  const moved = `a customer at ${JSON.stringify(address)} is written to at another path: see pathSegment()`;
  check(usual !== undefined && url.origin === usual.origin && url.hash === usual.hash, moved);
  const [parts, usualParts] = [url, usual].map(({ pathname }) => pathname.split('/')) as [string[], string[]];
  check(parts.length === usualParts.length, moved);
  for (const [index, part] of parts.entries()) {
    const isPlace = usualParts[index]?.includes(PLACE.address);
    check(isPlace ? !/^$|%2f|%5c|%0/i.test(part) : part === usualParts[index], moved);
  }
  const names = [url, usual].map(({ searchParams }) => [...searchParams.keys()].join());
  check(names[0] === names[1], moved);
}

/** Where texts stand in a value. */
function textsIn(value: unknown, at: Path = []): Path[] {
  if (typeof value === 'string') return [at];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => textsIn(inner, [...at, key]));
}

/** The same value with another text at one place. */
function replaced(value: unknown, [key, ...rest]: Path, text: string): unknown {
  if (key === undefined) return text;
  const copy = Array.isArray(value) ? [...value] : { ...(value as object) };
  (copy as Record<string | number, unknown>)[key] = replaced(
    (value as Record<string | number, unknown>)[key],
    rest,
    text,
  );
  return copy;
}
