import { BOUNDS } from '../domain/bounds.ts';
import { InvalidInputError } from '../domain/errors.ts';
import { isPrivateHost } from './private-address.ts';

const MAX_LENGTH = BOUNDS.url.max;

/**
 * Reads an address that Lull will send to: of an endpoint, or a setting of a channel. Where private addresses are not
 * allowed, it has to be https, and a host that can be told to be private is refused here; the addresses that a name
 * leads to are looked at each time something is sent.
 * @throws InvalidInputError naming `field`
 */
export function readTargetUrl(text: string, field: string, allowPrivate: boolean): string {
  const refused = (allowed: string) => new InvalidInputError(field, allowed);
  const protocols = allowPrivate ? ['https:', 'http:'] : ['https:'];
  const url = text.length <= MAX_LENGTH ? URL.parse(text) : null;
  if (url === null || !protocols.includes(url.protocol) || url.hostname === '')
    throw refused(
      `a URL of at most ${MAX_LENGTH} characters that begins with ${protocols.join('// or ')}// is allowed`,
    );
  if (url.username !== '' || url.password !== '')
    throw refused('a URL without a user and a password is allowed');
  if (url.port === '0') throw refused('a URL without the port 0 is allowed');
  if (!allowPrivate && isPrivateHost(url.hostname))
    throw refused('the address of a public host is allowed: none that is private, loopback or link-local');
  return url.href;
}
