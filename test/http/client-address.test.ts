import type { IncomingMessage } from 'node:http';
import { expect, it } from 'vitest';
import { openSenders } from '../../src/http/client-address.ts';

const request = (remoteAddress: string, forwarded?: string) =>
  ({ socket: { remoteAddress }, headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded } }) as
    | IncomingMessage
    | never;

it.each<[what: string, trusted: string[], remote: string, forwarded: string | undefined, sender: string]>([
  ['a connection without a proxy', [], '203.0.113.5', undefined, '203.0.113.5'],
  ['what anybody says of themselves', [], '203.0.113.5', '198.51.100.1', '203.0.113.5'],
  ['what somebody else than the proxy says', ['10.0.0.0/8'], '203.0.113.5', '198.51.100.1', '203.0.113.5'],
  ['what a trusted proxy says', ['10.0.0.0/8'], '10.1.2.3', '198.51.100.1', '198.51.100.1'],
  [
    'the last that no trusted proxy has',
    ['10.0.0.0/8'],
    '10.1.2.3',
    '192.0.2.1, 198.51.100.1, 10.9.9.9',
    '198.51.100.1',
  ],
  ['a trusted proxy that says nothing', ['10.0.0.0/8'], '10.1.2.3', undefined, '10.1.2.3'],
  ['a trusted proxy that says what is no address', ['10.1.2.3'], '10.1.2.3', 'unknown', '10.1.2.3'],
  ['a trusted proxy of IPv6', ['fd00::/8'], 'fd00::1', '198.51.100.1', '198.51.100.1'],
  ['IPv4 within IPv6', ['10.0.0.0/8'], '::ffff:10.1.2.3', '198.51.100.1', '198.51.100.1'],
  ['an IPv6 network', [], '2001:db8:1:2:aaaa:bbbb:cccc:dddd', undefined, '2001:db8:1:2::/64'],
  ['the same network, written shorter', [], '2001:0db8:1:2::7', undefined, '2001:db8:1:2::/64'],
  ['this machine', [], '::1', undefined, '0:0:0:0::/64'],
])('the rate limit finds the address of the sender: %s', (_what, trusted, remote, forwarded, sender) => {
  expect(openSenders(trusted)(request(remote, forwarded))).toBe(sender);
});
