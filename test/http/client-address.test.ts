import type { IncomingMessage } from 'node:http';
import { expect, it } from 'vitest';
import { openSenders } from '../../src/http/client-address.ts';

const request = (remoteAddress: string, forwarded?: string) =>
  ({ socket: { remoteAddress }, headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded } }) as
    | IncomingMessage
    | never;

it.each<[what: string, trusted: string[], remote: string, forwarded: string | undefined, sender: string]>([
  ['a connection without a proxy', [], '203.0.113.5', undefined, '203.0.113.5'],
  [
    'a forwarded address without a trusted proxy is ignored',
    [],
    '203.0.113.5',
    '198.51.100.1',
    '203.0.113.5',
  ],
  [
    'a forwarded address from an untrusted sender is ignored',
    ['10.0.0.0/8'],
    '203.0.113.5',
    '198.51.100.1',
    '203.0.113.5',
  ],
  [
    'a forwarded address from a trusted proxy is used',
    ['10.0.0.0/8'],
    '10.1.2.3',
    '198.51.100.1',
    '198.51.100.1',
  ],
  [
    'the last forwarded address that is not a trusted proxy is used',
    ['10.0.0.0/8'],
    '10.1.2.3',
    '192.0.2.1, 198.51.100.1, 10.9.9.9',
    '198.51.100.1',
  ],
  ['a trusted proxy without a forwarded address', ['10.0.0.0/8'], '10.1.2.3', undefined, '10.1.2.3'],
  ['a trusted proxy with a malformed forwarded address', ['10.1.2.3'], '10.1.2.3', 'unknown', '10.1.2.3'],
  ['a trusted proxy of IPv6', ['fd00::/8'], 'fd00::1', '198.51.100.1', '198.51.100.1'],
  ['IPv4 within IPv6', ['10.0.0.0/8'], '::ffff:10.1.2.3', '198.51.100.1', '198.51.100.1'],
  ['an IPv6 network', [], '2001:db8:1:2:aaaa:bbbb:cccc:dddd', undefined, '2001:db8:1:2::/64'],
  ['the same network, written shorter', [], '2001:0db8:1:2::7', undefined, '2001:db8:1:2::/64'],
  ['this machine', [], '::1', undefined, '0:0:0:0::/64'],
])('the rate limit finds the address of the sender: %s', (_what, trusted, remote, forwarded, sender) => {
  expect(openSenders(trusted)(request(remote, forwarded))).toBe(sender);
});
