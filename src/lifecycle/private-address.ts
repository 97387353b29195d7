import { BlockList, isIP } from 'node:net';

/** IPv4 that leads to no public host: private, loopback, link-local, shared, multicast, reserved and for documents. */
const IPV4_NOT_PUBLIC: readonly (readonly [network: string, prefix: number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
];
/** All of IPv6 that is public lies in here: not ::1, ULA, link-local, multicast, nor what carries an IPv4 address within. */
const IPV6_PUBLIC = ['2000::', 3] as const;
/** What within it is not: Teredo and other protocols, documents, 6to4. */
const IPV6_NOT_PUBLIC: readonly (readonly [network: string, prefix: number])[] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
];

const notPublic = new BlockList();
for (const [network, prefix] of IPV4_NOT_PUBLIC) notPublic.addSubnet(network, prefix, 'ipv4');
for (const [network, prefix] of IPV6_NOT_PUBLIC) notPublic.addSubnet(network, prefix, 'ipv6');
const publicIpv6 = new BlockList();
publicIpv6.addSubnet(...IPV6_PUBLIC, 'ipv6');

/** Names that lead to the machine itself or stay within a network. */
const LOCAL_NAME = /(^|\.)(localhost|local|localdomain|internal|intranet|lan|home|corp|home\.arpa)$/;

/** Whether an IP address is none of a public host; so is what is no IP address. */
export function isPrivateAddress(address: string): boolean {
  const version = isIP(address);
  if (version === 4) return notPublic.check(address, 'ipv4');
  return version !== 6 || !publicIpv6.check(address, 'ipv6') || notPublic.check(address, 'ipv6');
}

/**
 * Whether the host of a URL (`url.hostname`: lower case, IPv6 in brackets) can be told not to be public without asking
 * anybody: an address that is not, a name for the machine itself or one network, a name without a dot.
 */
export function isPrivateHost(hostname: string): boolean {
  const host = hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
  if (isIP(host) !== 0) return isPrivateAddress(host);
  return !host.includes('.') || LOCAL_NAME.test(host);
}
