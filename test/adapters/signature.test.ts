import { describe, expect, it } from 'vitest';
import {
  isLullSigned,
  isStandardSigned,
  lullHeaders,
  standardHeaders,
} from '../../src/adapters/shared/signature.ts';
import { STANDARD_SECRET } from '../../src/domain/standard-secret.ts';
import { call, lullSignature, standardSignature } from './samples.ts';

// The example that Standard Webhooks libraries are tested with.
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const ID = 'msg_p5jXN8AQM9LWM0D4loKWxJek';
const BODY = '{"test": 2432232314}';
const AT = new Date(1_614_265_330_000);
const HEADERS = {
  'webhook-id': ID,
  'webhook-timestamp': '1614265330',
  'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
};
const OWN = 'a secret of the first channel';
const after = (ms: number) => new Date(AT.getTime() + ms);

describe('Standard Webhooks', () => {
  it('signs and accepts the published example', () => {
    expect(standardHeaders(SECRET, ID, AT, BODY)).toEqual(HEADERS);
    expect(isStandardSigned(call(HEADERS, BODY), SECRET, AT)).toBe(true);
  });

  it('accepts one valid signature among several, as during a rotation', () => {
    const signatures = `v1a,xyz v1,${'A'.repeat(43)}= ${HEADERS['webhook-signature']}`;
    expect(isStandardSigned(call({ ...HEADERS, 'webhook-signature': signatures }, BODY), SECRET, AT)).toBe(
      true,
    );
  });

  it('rejects any changed character in id, timestamp, signature and body', () => {
    for (const [name, value] of Object.entries(HEADERS))
      for (const changed of changes(value))
        expect(isStandardSigned(call({ ...HEADERS, [name]: changed }, BODY), SECRET, AT), changed).toBe(
          false,
        );
    for (const changed of changes(BODY))
      expect(isStandardSigned(call(HEADERS, changed), SECRET, AT), changed).toBe(false);
  });

  it('rejects a request without any one of its headers', () => {
    for (const name of Object.keys(HEADERS)) {
      const request = call(HEADERS, BODY);
      request.headers.delete(name);
      expect(isStandardSigned(request, SECRET, AT), name).toBe(false);
    }
  });

  it('accepts a timestamp up to five minutes from now in either direction', () => {
    const signed = call(HEADERS, BODY);
    expect(
      [-301_000, -300_000, 300_000, 301_000].map((ms) => isStandardSigned(signed, SECRET, after(ms))),
    ).toEqual([false, true, true, false]);
  });

  it('rejects an invalid timestamp even with a valid signature', () => {
    for (const seconds of [Number.NaN, Number.POSITIVE_INFINITY, 1.6e9 + 0.5, -1614265330])
      expect(isStandardSigned(call(standardSignature(SECRET, ID, seconds, BODY), BODY), SECRET, AT)).toBe(
        false,
      );
  });

  it.each([24, 25, 26, 32, 63, 64])('accepts a secret of %i bytes', (bytes) => {
    expect(STANDARD_SECRET.test(`whsec_${Buffer.alloc(bytes, 7).toString('base64')}`)).toBe(true);
  });

  it.each([
    `whsec_${Buffer.alloc(23, 7).toString('base64')}`,
    `whsec_${Buffer.alloc(65, 7).toString('base64')}`,
    Buffer.alloc(32, 7).toString('base64'),
    `whsec_${'*'.repeat(32)}`,
    `whsec_${'A'.repeat(33)}`,
    'whsec_',
  ])('rejects a secret like %s', (secret) => expect(STANDARD_SECRET.test(secret)).toBe(false));
});

describe('lull-signature', () => {
  const headers = lullSignature(OWN, 1_614_265_330, BODY);

  it('signs timestamp and body with HMAC-SHA256', () => {
    expect(lullHeaders(OWN, AT, BODY)).toEqual(headers);
    expect(isLullSigned(call(headers, BODY), OWN, AT)).toBe(true);
  });

  it('rejects any changed character in header and body', () => {
    for (const changed of changes(headers['lull-signature'] ?? ''))
      expect(isLullSigned(call({ 'lull-signature': changed }, BODY), OWN, AT), changed).toBe(false);
    for (const changed of changes(BODY))
      expect(isLullSigned(call(headers, changed), OWN, AT), changed).toBe(false);
  });

  it('rejects a request without the header, or signed with another secret', () => {
    expect(isLullSigned(call({}, BODY), OWN, AT)).toBe(false);
    expect(isLullSigned(call(headers, BODY), 'a secret of the other channel', AT)).toBe(false);
  });

  it('accepts a timestamp up to five minutes from now in either direction', () => {
    const signed = call(headers, BODY);
    expect([-301_000, -300_000, 300_000, 301_000].map((ms) => isLullSigned(signed, OWN, after(ms)))).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });
});

/** The text with each of its characters in turn replaced by its neighbour, and with one cut off. */
function changes(text: string): string[] {
  const neighbour = (index: number) => String.fromCharCode(text.charCodeAt(index) ^ 1);
  const replaced = [...text].map(
    (_, index) => text.slice(0, index) + neighbour(index) + text.slice(index + 1),
  );
  // A header's ends are trimmed, so a character that became a space there would only be a shorter text.
  return [...replaced, text.slice(0, -1)].filter((changed) => changed.trim() !== text);
}
