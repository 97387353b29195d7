import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';

/** Finds the sender of a request, for counts and limits by sender. */
export type SenderOf = (request: IncomingMessage) => string;

/**
 * Makes the function that finds the sender of a request: the address of the connection or, if that is a trusted
 * proxy, the last address in `x-forwarded-for` that is not one. An IPv6 network of 64 bits is one sender.
 */
export function openSenders(trustedProxies: readonly string[]): SenderOf {
  const trusted = new BlockList();
  for (const proxy of trustedProxies) {
    const [address = '', bits] = proxy.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) trusted.addAddress(address, family);
    else trusted.addSubnet(address, Number(bits), family);
  }
  const isTrusted = (address: string) => trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');

  return ({ socket, headers }) => {
    let address = plain(socket.remoteAddress ?? '');
    if (trustedProxies.length === 0 || isIP(address) === 0) return networkOf(address);
    const forwarded = [headers['x-forwarded-for'] ?? []].flat().join(',').split(',').map(plain);
    while (isTrusted(address)) {
      const before = forwarded.pop();
      if (before === undefined || isIP(before) === 0) break;
      address = before;
    }
    return networkOf(address);
  };
}

/** An IPv4 address inside IPv6 (`::ffff:192.0.2.1`) is treated as IPv4. */
function plain(address: string): string {
  return address.trim().replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
}

/** The unit that counts as one sender: an IPv4 address, or the first 64 bits of an IPv6 address. */
export function networkOf(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = '', tail] = address.split('%')[0]?.split('::') ?? [];
  const groups = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  while (tail !== undefined && groups.length + after.length < 8) groups.push('0');
  const network = [...groups, ...after].slice(0, 4);
  return `${network.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}
