import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineAdapter } from '../../src/adapters/adapter.ts';
import web from '../../src/adapters/channels/web/adapter.ts';
import { createRegistry } from '../../src/adapters/registry.ts';
import { openSettingsStore, secret, secretsOf } from '../../src/adapters/settings.ts';
import { createVault } from '../../src/adapters/vault.ts';

const adapter = defineAdapter({
  ...web,
  id: 'kept',
  settings: z.strictObject({
    token: secret(z.string().min(8).describe('The token of the service')),
    spare: secret(z.string()).optional(),
    color: z.string().default('blue'),
    limit: z.number().optional(),
  }),
  closing: () => {
    throw new Error('not asked here');
  },
  inbound: { verify: () => false, parse: () => ({ events: [], ignored: 0, malformed: [] }) },
  deliver: async () => ({ outcome: 'RETRY', afterMs: null }),
});
const vault = createVault(randomBytes(32));
const store = openSettingsStore(createRegistry([adapter]), vault, () => {});
const given = { token: 'tell nobody', limit: 3 };

describe('a vault', () => {
  it('opens what it sealed, and never seals to the same text twice', () => {
    for (const text of ['', 'tell nobody', 'grüß Gott \u{1F44B}', 'x'.repeat(10_000)]) {
      const [one, two] = [vault.seal(text), vault.seal(text)];
      expect(one).not.toBe(two);
      expect([vault.open(one), vault.open(two)]).toEqual([text, text]);
      if (text.length > 3) expect(one).not.toContain(text);
    }
  });

  it('does not open a changed text, or one sealed with another key', () => {
    const sealed = vault.seal('tell nobody');
    expect(() => createVault(randomBytes(32)).open(sealed)).toThrow();
    const [prefix, body = ''] = [sealed.slice(0, 10), sealed.slice(10)];
    for (let at = 0; at < body.length - 1; at++) {
      const other = body[at] === 'A' ? 'B' : 'A';
      expect(() => vault.open(prefix + body.slice(0, at) + other + body.slice(at + 1)), `${at}`).toThrow();
    }
  });

  it('has a fingerprint that differs by key and does not contain it', () => {
    const key = randomBytes(32);
    expect(createVault(key).fingerprint).toBe(createVault(key).fingerprint);
    expect(createVault(key).fingerprint).not.toBe(vault.fingerprint);
    expect(() => createVault(randomBytes(31))).toThrow('32 bytes');
  });
});

describe('settings', () => {
  it('are stored with sealed secrets and opened for the adapter', () => {
    const stored = store.toStore('kept', given) as Record<string, unknown>;
    expect(stored).toMatchObject({ color: 'blue', limit: 3 });
    expect(JSON.stringify(stored)).not.toContain('tell nobody');
    expect(store.open('kept', stored)).toEqual({ token: 'tell nobody', limit: 3, color: 'blue' });
  });

  it('are merged: an absent setting stays, and null removes one', () => {
    const stored = store.toStore('kept', { ...given, spare: 'also secret' });
    const changed = store.toStore('kept', { color: 'red', spare: null }, stored);
    expect(store.open('kept', changed)).toEqual({ token: 'tell nobody', limit: 3, color: 'red' });
  });

  it('are shown without secrets', () => {
    expect(store.shown('kept', store.toStore('kept', given))).toEqual({ color: 'blue', limit: 3 });
    expect(store.shown('kept', given)).toEqual({ limit: 3 });
  });

  it('are rejected by name without the value, and sealed texts are rejected', () => {
    const refused = (settings: object) => {
      try {
        store.toStore('kept', settings);
      } catch (error) {
        return error as Error & { field: string };
      }
      throw new Error('nothing was thrown');
    };
    expect(refused({ token: 'hidden' })).toMatchObject({ code: 'INVALID_INPUT', field: 'settings.token' });
    expect(refused({ token: 'hidden' }).message).not.toContain('hidden');
    expect(refused({})).toMatchObject({ field: 'settings.token' });
    expect(refused({ ...given, colour: 'red' })).toMatchObject({ field: 'settings.colour' });
    expect(refused({ token: vault.seal('of another account') })).toMatchObject({ field: 'settings.token' });
  });

  it('lists the secrets of an adapter', () => {
    expect(secretsOf(adapter)).toEqual(['token', 'spare']);
  });
});
