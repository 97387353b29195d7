import { describe, expect, it } from 'vitest';
import { BUILT_IN } from '../../src/adapters/built-in.ts';
import byoc from '../../src/adapters/channels/byoc/adapter.ts';
import inApp from '../../src/adapters/channels/in-app/adapter.ts';
import web from '../../src/adapters/channels/web/adapter.ts';
import { createRegistry, parseSettings } from '../../src/adapters/registry.ts';
import { secretsOf } from '../../src/adapters/settings.ts';
import { InvalidInputError, NotFoundError, SetupError } from '../../src/domain/errors.ts';
import { OWN, STANDARD } from './samples.ts';

describe('createRegistry', () => {
  it('holds the built-in adapters by id', () => {
    const registry = createRegistry(BUILT_IN);
    expect(registry.list().map(({ id }) => id)).toEqual([
      'apple-messages',
      'byoc',
      'byoc-interaction',
      'chatwoot',
      'in-app',
      'line',
      'messenger',
      'sms',
      'twilio-conversations',
      'web',
      'whatsapp',
    ]);
    expect(registry.get('web')).toBe(web);
  });

  it.each(['telegram', '', 'toString', '__proto__'])('knows no adapter %j', (id) => {
    expect(() => createRegistry(BUILT_IN).get(id)).toThrow(NotFoundError);
  });

  it('rejects two adapters with the same id and names it', () => {
    const twice = () => createRegistry([web, inApp, { ...byoc, id: 'web' }]);
    expect(twice).toThrow(SetupError);
    expect(twice).toThrow('two adapters have the id web');
  });
});

it('exactly these settings are secrets', () => {
  const secrets = BUILT_IN.map((adapter) => [adapter.id, secretsOf(adapter).join(' ')]);
  expect(Object.fromEntries(secrets)).toEqual({
    web: 'secret',
    'in-app': 'secret',
    whatsapp: 'appSecret verifyToken accessToken',
    sms: 'authToken',
    messenger: 'secret',
    line: 'secret',
    'apple-messages': 'secret',
    byoc: 'secret',
    'byoc-interaction': 'secret',
    'twilio-conversations': 'authToken',
    chatwoot: 'secret apiToken',
  });
});

describe('rulesHash', () => {
  const hash = createRegistry([web, inApp, byoc]).rulesHash();

  it('does not depend on the order in which adapters or rules were written', () => {
    const { canReopen, bounds, ...rest } = web.rules;
    const turned = { ...web, rules: { ...rest, bounds, canReopen } };
    expect(createRegistry([byoc, turned, inApp]).rulesHash()).toBe(hash);
  });

  it('does not depend on anything but ids and rules', () => {
    expect(createRegistry([{ ...web, name: 'Chat' }, inApp, byoc]).rulesHash()).toBe(hash);
  });

  it.each([
    [{ canReopen: false }],
    [{ bounds: { INACTIVATE: null } }],
    [{ helpWords: [] }],
    [{ textLimits: { closeMessage: 160 } }],
  ])('changes with %j', (change) => {
    const changed = { ...web, rules: { ...web.rules, ...change } };
    expect(createRegistry([changed, inApp, byoc]).rulesHash()).not.toBe(hash);
  });

  it('changes with the rules of a variant', () => {
    const of = (canReopen: boolean) => ({ setting: 'tier', of: { standard: { ...web.rules, canReopen } } });
    const [one, other] = [true, false].map((canReopen) =>
      createRegistry([{ ...web, variants: of(canReopen) }]).rulesHash(),
    );
    expect(one).not.toBe(other);
  });

  it('changes when an adapter is added or removed', () => {
    expect(createRegistry([web, inApp]).rulesHash()).not.toBe(hash);
  });
});

describe('parseSettings', () => {
  it('applies defaults', () => {
    expect(parseSettings(web, { secret: OWN.secret })).toEqual({
      secret: OWN.secret,
      showSurvey: false,
      showCloseMessage: false,
    });
  });

  it.each([
    [web, { ...OWN, secret: 'hush' }, 'settings.secret', 'hush'],
    [web, { ...OWN, secret: undefined }, 'settings.secret', 'undefined,'],
    [inApp, { ...OWN, showSurvey: 'certainly' }, 'settings.showSurvey', 'certainly'],
    [web, { ...OWN, deliverUrl: 'ftp://user:hush@host' }, 'settings.deliverUrl', 'hush'],
    [web, { ...OWN, deliverUrl: 'file:///etc/hush' }, 'settings.deliverUrl', 'hush'],
    [web, { ...OWN, secrte: 'hush' }, 'settings.secrte', 'hush'],
    [byoc, { ...STANDARD, secret: 'whsec_hush' }, 'settings.secret', 'hush'],
    [web, 'hush', 'settings', 'hush'],
    [web, null, 'settings', 'hush'],
  ])('names the bad field of %o and never its value', (adapter, input, field, value) => {
    let error: unknown;
    try {
      parseSettings(adapter, input);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(InvalidInputError);
    expect(error).toMatchObject({ field });
    expect(`${JSON.stringify(error)} ${error}`).not.toContain(value);
  });
});
