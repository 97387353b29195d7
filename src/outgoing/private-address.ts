import { BlockList, isIP } from 'node:net';

/** IPv4 networks without public hosts: private, loopback, link-local, shared, multicast, reserved, documentation. */
const IPV4_NOT_PUBLIC: readonly (readonly [network: string, prefix: number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  // Azure's host agent, reachable only from its own machines.
  ['168.63.129.16', 32],
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
/** All public IPv6 is in this network; ::1, ULA, link-local, multicast, NAT64 and mapped IPv4 are not. */
const IPV6_PUBLIC = ['2000::', 3] as const;
/** Networks within it that are not public: Teredo and other protocols, documentation, 6to4. */
const IPV6_NOT_PUBLIC: readonly (readonly [network: string, prefix: number])[] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
];
/** The second half of an ISATAP address, which routes to the IPv4 address within it. */
const ISATAP = /:(0|200):5efe:[0-9a-f]{1,4}:[0-9a-f]{1,4}$/;

const notPublic = new BlockList();
for (const [network, prefix] of IPV4_NOT_PUBLIC) notPublic.addSubnet(network, prefix, 'ipv4');
for (const [network, prefix] of IPV6_NOT_PUBLIC) notPublic.addSubnet(network, prefix, 'ipv6');
const publicIpv6 = new BlockList();
publicIpv6.addSubnet(...IPV6_PUBLIC, 'ipv6');

/** Top-level names of a machine or a local network, and reserved ones. */
const LOCAL_NAME =
  /(^|\.)(alt|arpa|cluster|consul|corp|docker|home|internal|intranet|lan|local|localdomain|localhost|localnet|onion|private|svc)$/;
/** One label of a host name. */
const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/;
/** The last label of a public name. */
const TOP_LEVEL = /^([a-z]{2,63}|xn--[a-z0-9-]{1,59})$/;
const MAX_NAME_LENGTH = 253;

/** Whether an IP address is not public. True for a text that is not an IP address. */
export function isPrivateAddress(address: string): boolean {
  const version = isIP(address);
  if (version === 4) return notPublic.check(address, 'ipv4');
  // A zone index is valid on one machine only.
  if (version !== 6 || address.includes('%')) return true;
  if (!publicIpv6.check(address, 'ipv6') || notPublic.check(address, 'ipv6')) return true;
  return ISATAP.test(URL.parse(`http://[${address}]`)?.hostname.slice(1, -1).replace('::', ':0:') ?? '');
}

/**
 * Whether the host of a URL (`url.hostname`: lower case, IPv6 in brackets) is known not to be public without a DNS lookup:
 * a private address, a local name, or a name that no public host can have.
 */
export function isPrivateHost(hostname: string): boolean {
  const host = hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
  if (isIP(host) !== 0) return isPrivateAddress(host);
  const labels = host.split('.');
  const isPublicName =
    labels.length > 1 &&
    host.length <= MAX_NAME_LENGTH &&
    labels.every((label) => LABEL.test(label)) &&
    TOP_LEVEL.test(labels.at(-1) ?? '') &&
    !LOCAL_NAME.test(host);
  return !isPublicName;
}
