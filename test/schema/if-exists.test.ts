import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BOUNDS } from '../../src/domain/bounds.ts';
import { type Api, openApi } from '../http/open-api.ts';
import { at } from '../support/engine.ts';

let api: Api;
beforeAll(async () => {
  api = await openApi(at('12:00'));
});
afterAll(() => api.close());

const SETTINGS = 'settings: { secret: "sixteen characters or more" }';
const HOURS = 'hours: { timeZone: "UTC", weekly: [{ day: 1, from: "09:00", until: "17:00" }] }';
/** Each creation by name, the arguments of the same object, and of one that is of another kind. */
const CREATIONS = {
  Channel: {
    same: (name: string) => `input: { name: "${name}", adapterId: "web", ${SETTINGS} }`,
    other: (name: string) => `input: { name: "${name}", adapterId: "in-app", ${SETTINGS} }`,
  },
  Agent: {
    same: (name: string) => `input: { name: "${name}" }`,
    other: (name: string) => `input: { name: "${name}", kind: BOT }`,
  },
  Skill: { same: (name: string) => `name: "${name}"`, other: null },
  Calendar: { same: (name: string) => `name: "${name}", ${HOURS}`, other: null },
};
type Type = keyof typeof CREATIONS;
const TYPES = Object.keys(CREATIONS) as Type[];

async function create(type: Type, args: string) {
  const answer = await api.ask(
    `mutation { create${type}(${args}) { __typename ... on ${type} { id } ... on TakenError { code field message } } }`,
  );
  if (!answer.data) throw new Error(JSON.stringify(answer.errors));
  return answer.data[`create${type}`];
}
const dump = async () =>
  JSON.stringify(
    await api.engine.db.sql`
      select (select jsonb_agg(to_jsonb(channel)) from channel) as channels, (select jsonb_agg(to_jsonb(agent)) from agent) as agents,
        (select jsonb_agg(to_jsonb(skill)) from skill) as skills, (select jsonb_agg(to_jsonb(calendar)) from calendar) as calendars,
        (select max(version) from rules_version) as rules`,
  );

describe('ifExists', () => {
  it.each(TYPES)('RETURN creates a %s once, and then returns it and changes nothing', async (type) => {
    const args = `${CREATIONS[type].same('again')}, ifExists: RETURN`;
    const first = await create(type, args);
    expect(first.__typename).toBe(type);
    const before = await dump();
    expect(await create(type, args)).toEqual(first);
    expect(await dump()).toBe(before);
  });

  it.each(TYPES)('ERROR is the default and refuses a second %s of the same name', async (type) => {
    const args = CREATIONS[type].same('twice');
    await create(type, args);
    const refused = { __typename: 'TakenError', code: 'TAKEN', field: 'name' };
    expect(await create(type, args)).toMatchObject(refused);
    expect(await create(type, `${args}, ifExists: ERROR`)).toMatchObject(refused);
  });

  it.each(['Channel', 'Agent'] as const)(
    'RETURN refuses a %s of the same name and another kind, and names the kind that exists',
    async (type) => {
      const { same, other } = CREATIONS[type];
      await create(type, same('kinds'));
      const before = await dump();
      expect(await create(type, `${other('kinds')}, ifExists: RETURN`)).toEqual({
        ...{ __typename: 'TakenError', code: 'TAKEN', field: 'name' },
        message: `name: another one has it, of another kind: ${type === 'Channel' ? 'web' : 'HUMAN'}`,
      });
      expect(await dump()).toBe(before);
    },
  );

  it.each(TYPES)('concurrent calls with RETURN all return the same %s', async (type) => {
    const args = `${CREATIONS[type].same('at once')}, ifExists: RETURN`;
    const created = await Promise.all(Array.from({ length: 8 }, () => create(type, args)));
    expect(created.map(({ __typename }) => __typename)).toEqual(Array(8).fill(type));
    expect(new Set(created.map(({ id }) => id)).size).toBe(1);
  });

  it('RETURN returns an existing skill to an account that has as many as it may have', async () => {
    const made = await create('Skill', 'name: "before"');
    const { accountId, db } = api.engine;
    await db.sql`
      insert into skill (account_id, id, name)
      select ${accountId}, gen_random_uuid(), 'filler ' || n from generate_series(1, ${BOUNDS.skills.max}) as n`;
    expect(await create('Skill', 'name: "before", ifExists: RETURN')).toEqual(made);
    expect(await create('Skill', 'name: "after", ifExists: RETURN')).toMatchObject({
      __typename: 'InvalidInputError',
    });
  });
});
