import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { openClockExchange } from '../../src/db/clock-opinions.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let test: TestDatabase;
beforeAll(async () => {
  test = await createTestDatabase();
});
beforeEach(() => test.database.sql`delete from service_state where key like 'clock:%'`);
afterAll(() => test.drop());

const open = (name: string) => openClockExchange(test.database.sql, name);
/** Makes an opinion older, by the time of the database. */
const age = (ms: number) => test.database.sql`
  update service_state set value = value || jsonb_build_object('at', (value ->> 'at')::bigint - ${ms}::bigint)
  where key like 'clock:%'`;

it('a process reads neither its own opinion nor one of a process that wrote none', async () => {
  const [one, other] = [open('one'), open('other')];
  expect(await one.exchange('WRONG')).toEqual({ deny: false, step: false, vouch: false });
  expect(await one.exchange('RIGHT')).toEqual({ deny: false, step: false, vouch: false });
  await other.exchange(null);
  expect(await test.database.sql`select key from service_state where key like 'clock:%'`).toEqual([
    { key: 'clock:one' },
  ]);
});

it('a process that denies the time counts for 5 s, or until it writes another opinion', async () => {
  const [one, other] = [open('one'), open('other')];
  await one.exchange('WRONG');
  expect(await other.exchange('RIGHT')).toMatchObject({ deny: true });
  await age(4_000);
  expect(await other.exchange('RIGHT')).toMatchObject({ deny: true });
  await age(1_500);
  expect(await other.exchange('RIGHT')).toMatchObject({ deny: false });
  await one.exchange('WRONG');
  await one.exchange('STEPPING');
  expect(await other.exchange('RIGHT')).toMatchObject({ deny: false, step: true });
  await one.exchange('RIGHT');
  expect(await other.exchange('RIGHT')).toMatchObject({ deny: false, step: false });
});

it('only an opinion written after a process first asked vouches for the time', async () => {
  const [one, other] = [open('one'), open('other')];
  await one.exchange('RIGHT');
  await age(1);
  expect(await other.exchange(null)).toMatchObject({ vouch: false });
  expect(await other.exchange(null)).toMatchObject({ vouch: false });
  await new Promise((resolve) => setTimeout(resolve, 5));
  await one.exchange('RIGHT');
  expect(await other.exchange(null)).toMatchObject({ vouch: true });
});

it('an opinion is deleted when its process ends, and after a day', async () => {
  const [one, other] = [open('one'), open('other')];
  await one.exchange('RIGHT');
  await other.exchange('RIGHT');
  await one.forget();
  const keys = () => test.database.sql`select key from service_state where key like 'clock:%'`;
  expect(await keys()).toEqual([{ key: 'clock:other' }]);
  await age(25 * 3_600_000);
  await one.exchange('RIGHT');
  expect(await keys()).toEqual([{ key: 'clock:one' }]);
});
