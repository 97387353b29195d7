import { BOUNDS } from '../domain/bounds.ts';
import { InvalidInputError } from '../domain/errors.ts';
import { isPrivateHost } from './private-address.ts';

const MAX_LENGTH = BOUNDS.url.max;

/**
 * Reads the address of an endpoint. Where private addresses are not allowed, it has to be https, and a host that can
 * be told to be private is refused here; what a name leads to is looked at each time something is sent.
 * @throws InvalidInputError naming `url`
 */
export function readEndpointUrl(text: string, allowPrivate: boolean): string {
  const protocols = allowPrivate ? ['https:', 'http:'] : ['https:'];
  const url = text.length <= MAX_LENGTH && URL.canParse(text) ? new URL(text) : null;
  if (url === null || !protocols.includes(url.protocol) || url.hostname === '')
    throw refused(
      `a URL of at most ${MAX_LENGTH} characters that begins with ${protocols.join('// or ')}// is allowed`,
    );
  if (url.username !== '' || url.password !== '')
    throw refused('a URL without a user and a password is allowed');
  if (!allowPrivate && isPrivateHost(url.hostname))
    throw refused('the address of a public host is allowed: none that is private, loopback or link-local');
  return url.href;
}

function refused(allowed: string): InvalidInputError {
  return new InvalidInputError('url', allowed);
}
