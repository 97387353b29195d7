import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BUILT_IN } from '../../src/adapters/built-in.ts';
import { destinationsOf, secretsOf } from '../../src/adapters/settings.ts';
import { CHANNELS } from '../hostile/signing.ts';
import { type Api, openApi } from '../http/open-api.ts';

let api: Api;
beforeAll(async () => {
  api = await openApi();
});
afterAll(() => api.close());

const THEIRS = 'https://collector.example.com/take';
type Settings = Record<string, unknown>;

async function channel(verb: 'create' | 'update', input: object) {
  const [type, name] = [`${verb[0]?.toUpperCase()}${verb.slice(1)}ChannelInput!`, `${verb}Channel`];
  const needed = verb === 'update' ? '... on SecretsNeededError { field secrets }' : '';
  const answer = await api.ask(
    `mutation ($input: ${type}) { ${name}(input: $input) { __typename ... on Channel { id settings }
      ... on Error { code } ... on InvalidInputError { field } ${needed} } }`,
    { input },
  );
  if (!answer.data) throw new Error(JSON.stringify(answer.errors));
  return answer.data[name];
}
const stored = async (name: string) =>
  (await api.engine.db.sql`select settings from channel where name = ${name}`)[0]?.settings as Settings;
const needed = (field: string, secrets: string[]) => ({
  ...{ __typename: 'SecretsNeededError', code: 'SECRETS_NEEDED', field, secrets },
});

const SENDING = CHANNELS.flatMap(({ adapter: id, settings }) => {
  const adapter = BUILT_IN.find((each) => each.id === id);
  return adapter === undefined
    ? []
    : destinationsOf(adapter).map((place) => ({ id, settings, place, secrets: secretsOf(adapter) }));
});

it('every adapter has a destination setting, and secrets that are sent to it', () => {
  expect([...new Set(SENDING.map(({ id }) => id))].sort()).toEqual(BUILT_IN.map(({ id }) => id).sort());
  for (const { secrets } of SENDING) expect(secrets).not.toEqual([]);
});

describe.each(SENDING)('the destination $place of $id', ({ id, settings, place, secrets }) => {
  const given = Object.fromEntries(secrets.map((secret) => [secret, settings[secret]]));
  const all = secrets.map((secret) => `settings.${secret}`);
  const made = async (name: string, more: Settings = {}) => {
    const { id: channelId } = await channel('create', {
      name,
      adapterId: id,
      settings: { ...settings, ...more },
    });
    return (changes: Settings) => channel('update', { channelId, settings: changes });
  };

  it('can be changed only if the same call has every secret, whether it was set before or not', async () => {
    for (const before of ['https://provider.example.com/', undefined]) {
      const name = `${id} ${before}`;
      const { [place]: _own, ...others } = settings;
      const answer = await channel('create', {
        ...{ name, adapterId: id, settings: { ...others, ...(before ? { [place]: before } : {}) } },
      });
      // A required destination is always set.
      if (answer.__typename === 'InvalidInputError') continue;
      const update = (changes: Settings) => channel('update', { channelId: answer.id, settings: changes });
      const kept = await stored(name);
      expect(await update({ [place]: THEIRS })).toEqual(needed(`settings.${place}`, all));
      const { [secrets[0] as string]: _left, ...rest } = given;
      expect(await update({ [place]: THEIRS, ...rest })).toEqual(
        needed(`settings.${place}`, all.slice(0, 1)),
      );
      expect(await stored(name)).toEqual(kept);
      expect(await update({ [place]: THEIRS, ...given })).toMatchObject({ settings: { [place]: THEIRS } });
    }
  });

  it('can be set to its present value without secrets, but not cleared and then changed', async () => {
    const place0 = 'https://provider.example.com/';
    const update = await made(`${id} cleared`, { [place]: place0 });
    expect(await update({ [place]: place0 })).toMatchObject({ __typename: 'Channel' });
    const cleared = await update({ [place]: null });
    if (cleared.__typename === 'Channel')
      expect(await update({ [place]: THEIRS })).toEqual(needed(`settings.${place}`, all));
    else expect(['SecretsNeededError', 'InvalidInputError']).toContain(cleared.__typename);
  });

  it.each([
    ...[
      'http://provider.example.com/',
      'https://127.0.0.1/',
      'https://169.254.169.254/',
      'https://localhost../',
    ],
    ...['https://[::ffff:10.0.0.1]/', 'https://2130706433/', 'https://ann:pw@provider.example.com/'],
  ])('is refused as %s, both when a channel is created and when it is updated', async (url) => {
    const refused = { __typename: 'InvalidInputError', field: `settings.${place}` };
    const bad = { ...settings, [place]: url };
    expect(await channel('create', { name: `${id} ${url}`, adapterId: id, settings: bad })).toMatchObject(
      refused,
    );
    const update = await made(`${id} before ${url}`);
    expect(await update({ ...given, [place]: url })).toMatchObject(refused);
  });
});

it('settings other than the destination can be changed without the secrets', async () => {
  const settings = { secret: 'a secret of the page', deliverUrl: 'https://provider.example.com/' };
  const { id } = await channel('create', { name: 'plain', adapterId: 'web', settings });
  expect(await channel('update', { channelId: id, settings: { showSurvey: true } })).toMatchObject({
    settings: { showSurvey: true },
  });
  const secret = 'another secret of the page';
  expect(await channel('update', { channelId: id, settings: { secret } })).toMatchObject({
    __typename: 'Channel',
  });
});

it('settingsSchema marks every destination with `destination: true`', async () => {
  const { data } = await api.ask('{ adapters { id settingsSchema } }');
  for (const { id, place } of SENDING) {
    const { settingsSchema } = data.adapters.find((adapter: { id: string }) => adapter.id === id);
    expect(settingsSchema.properties[place]).toMatchObject({ destination: true, type: 'string' });
  }
});
