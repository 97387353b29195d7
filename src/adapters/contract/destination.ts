import { destinationsOf, settingsSchemaOf } from '../settings.ts';
import { check, type Path, textsIn } from './check.ts';
import type { AdapterCase, Sampled } from './contract.ts';
import { attempt, MESSAGES } from './deliver.ts';

/** A part of a host that occurs in no real URL. */
const CANARY = 'canary-5d1f7c';
/** The ways in which a setting may name a host. */
const HOSTS = [`https://${CANARY}.example`, `${CANARY}.example`, CANARY];
/** Customer addresses that would change the path or the query of a URL if they were not encoded. */
const ADDRESSES = [
  ...['.', '..', '...', '%2e%2e', '%2E', '../../admin', 'a/../../../admin', 'a/b', '/', '\\..\\admin', ''],
  ...['%2f..%2fadmin', '?admin=1', '#admin', ';admin', '@admin', ':80', 'a b', '\u202e', '\ud800', 'x\r\ny'],
];

/** Requirements on the URLs to which an adapter sends. */
export const destinationCases: readonly AdapterCase<Sampled>[] = [
  {
    name: 'marks every setting that names a host as a destination',
    async run(given) {
      const { adapter, samples } = given;
      const marked = destinationsOf(adapter);
      const names = Object.keys(settingsSchemaOf(adapter).properties ?? {}).map((name): Path => [name]);
      for (const path of [...names, ...textsIn(samples.settings).map(({ path }) => path)])
        for (const host of HOSTS) {
          const settings = replaced(samples.settings, path, host);
          if (marked.includes(String(path[0])) || !adapter.settings.safeParse(settings).success) continue;
          for (const sentTo of await hostsOf({ adapter, samples: { ...samples, settings } }))
            check(!sentTo.includes(CANARY), `${path[0]} names a host: mark it by destination()`);
        }
    },
  },
  {
    name: 'encodes a customer address within one path segment',
    async run(given) {
      const respond = given.samples.acceptedResponse;
      for (const message of MESSAGES) {
        const usual = await attempt(given, message, respond);
        for (const address of ADDRESSES) {
          const { requests } = await attempt(given, { ...message, address }, respond);
          for (const [index, { url }] of requests.entries())
            checkPath(url, usual.requests[index]?.url, { usual: message.address, given: address });
        }
      }
    },
  },
];

async function hostsOf(given: Sampled): Promise<string[]> {
  const attempts = await Promise.all(
    MESSAGES.map((message) => attempt(given, message, given.samples.acceptedResponse)),
  );
  return attempts.flatMap(({ requests }) => requests.map(({ url }) => url.hostname));
}

/** Fails unless a URL differs from the usual one only in the segments that contain the address. */
function checkPath(url: URL, usual: URL | undefined, address: { usual: string; given: string }): void {
  const failure = `the address ${JSON.stringify(address.given)} changes the URL: encode it by pathSegment()`;
  check(usual !== undefined && url.origin === usual.origin && url.hash === usual.hash, failure);
  const [parts, usualParts] = [url, usual].map(({ pathname }) => pathname.split('/')) as [string[], string[]];
  check(parts.length === usualParts.length, failure);
  for (const [index, part] of parts.entries()) {
    const hasAddress = usualParts[index]?.includes(address.usual);
    check(hasAddress ? !/^$|%2f|%5c|%0/i.test(part) : part === usualParts[index], failure);
  }
  const names = [url, usual].map(({ searchParams }) => [...searchParams.keys()].join());
  check(names[0] === names[1], failure);
}

/** A copy of a value with another text at one path. */
function replaced(value: unknown, [key, ...rest]: Path, text: string): unknown {
  if (key === undefined) return text;
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<string, unknown>;
  copy[key] = replaced(copy[key], rest, text);
  return copy;
}
