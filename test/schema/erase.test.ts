import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAccount } from '../../src/accounts/setup.ts';
import { inTransaction } from '../../src/db/transaction.ts';
import type { Changed } from '../../src/engine.ts';
import { type Api, openApi } from '../http/open-api.ts';

let api: Api;
beforeAll(async () => {
  api = await openApi();
});
afterAll(() => api.close());

const ERASE = /* GraphQL */ `
  mutation ($contactId: ID!, $by: Ender!) {
    eraseContact(contactId: $contactId, by: $by) {
      __typename
      ... on Contact { id address clientVersion locale }
      ... on Error { code ... on NotFoundError { field } ... on InvalidInputError { field } ... on ForbiddenError { scope } }
    }
  }
`;
const erase = async (contactId: string, by = 'AGENT', as?: string) =>
  (await api.ask(ERASE, { contactId, by }, as)).data.eraseContact;
const contactOf = async (address: string) =>
  api.id('Contact', (await api.engine.latest(address)).contact_id as string);
const conversation = async (id: string) =>
  (await api.engine.db.sql`select * from conversation where id = ${id}`)[0];
const counts = async () =>
  (
    await api.engine.db.sql`select (select count(*)::int from contact) as contacts,
      (select count(*)::int from conversation) as conversations, (select count(*)::int from event) as events`
  )[0];

const PHONE = '+49 170 1234567';
/** All rows of the database as text. */
async function everything(): Promise<string> {
  const { sql } = api.engine.db;
  const tables = await sql`select tablename from pg_tables where schemaname = 'public'`;
  const rows = await Promise.all(tables.map(({ tablename }) => sql`select * from ${sql(tablename)}`));
  return JSON.stringify(rows);
}

describe('eraseContact', () => {
  it('PE-15 removes the address and everything else that identifies the contact, from all its conversations', async () => {
    const { engine } = api;
    const from = { messageId: `${PHONE} 1` };
    await engine.does(PHONE, { kind: 'INBOUND', clientVersion: `app of ${PHONE}` }, from);
    await engine.does(PHONE, { kind: 'RECEIPT', of: `${PHONE} 0`, state: 'READ' });
    await engine.does(PHONE, { kind: 'END', by: 'AGENT' });
    engine.clock.advance(30 * 86_400_000);
    await engine.does(PHONE, { kind: 'INBOUND' }, { messageId: `${PHONE} 2` });
    await engine.db.sql`update contact set locale = 'de-DE' where address = ${PHONE}`;
    expect(await engine.conversations(PHONE)).toHaveLength(2);
    expect(await everything()).toContain(PHONE);

    const id = await contactOf(PHONE);
    expect(await erase(id)).toEqual({
      __typename: 'Contact',
      id,
      address: null,
      clientVersion: null,
      locale: null,
    });
    expect(await everything()).not.toContain(PHONE);
  });

  it('PE-15 keeps counts, conversations, and feeds without message ids', async () => {
    const { engine } = api;
    await engine.writes('counted', { messageId: 'm1' });
    await engine.answers('counted');
    await engine.does('counted', { kind: 'END', by: 'AGENT' });
    const ended = await engine.latest('counted');
    const [before, feed] = [await counts(), await engine.feed(ended.id)];
    await erase(await contactOf('counted'));
    expect(await counts()).toEqual(before);
    expect(await conversation(ended.id)).toEqual(ended);
    expect(await engine.feed(ended.id)).toEqual(feed.map((event) => ({ ...event, message_id: null })));
  });

  it.each(['CUSTOMER', 'SUPERVISOR'])('PE-15, PE-14 first ends an open conversation as %s', async (by) => {
    const { engine } = api;
    const address = `open, ${by}`;
    await engine.writes(address);
    const { id, contact_id: contactId } = await engine.latest(address);
    await erase(api.id('Contact', contactId as string), by);
    expect(await conversation(id)).toMatchObject({ status: 'ENDED', ended_by: by, end_reason: 'COMMAND' });
    expect((await engine.feed(id)).map((event) => event.kind)).toEqual(['INBOUND', 'END']);
  });

  it('PE-15 a later message from the address creates a new contact without a previous conversation', async () => {
    const { engine } = api;
    await engine.writes('comes back', { messageId: 'first' });
    const old = await engine.latest('comes back');
    await erase(await contactOf('comes back'));
    await engine.writes('comes back', { messageId: 'second' });
    const now = await engine.latest('comes back');
    expect(now.contact_id).not.toBe(old.contact_id);
    expect(now).toMatchObject({ status: 'WAITING', previous_id: null });
  });

  it('PE-15 a message that arrives during the erasure creates a new contact, too', async () => {
    const { engine } = api;
    const { sql } = engine.db;
    await engine.writes('at once');
    const { id, contact_id: contactId } = await engine.latest('at once');
    const waiting = async () =>
      (
        await sql`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
      ).length;
    // The erasure commits first; the message has found the conversation open and waits for its lock.
    const { both } = await inTransaction(sql, async (tx) => {
      await tx`select 1 from conversation where id = ${id} for update`;
      const erased = erase(api.id('Contact', contactId as string));
      await expect.poll(waiting).toBe(1);
      const written = engine.writes('at once');
      await expect.poll(waiting).toBe(2);
      return { both: Promise.all([erased, written]) };
    });
    const [erased, written] = await both;
    expect(erased).toMatchObject({ __typename: 'Contact', address: null });
    expect(written).toMatchObject({ outcome: 'APPLIED' });
    expect(await conversation(id)).toMatchObject({ status: 'ENDED' });
    const now = await engine.latest('at once');
    expect(now).toMatchObject({ id: written.conversationId, status: 'WAITING', previous_id: null });
    expect(now.contact_id).not.toBe(contactId);
  });

  it('PE-15 the conversations of an erased contact cannot be reopened', async () => {
    const { engine } = api;
    await engine.writes('over');
    const { id } = await engine.latest('over');
    await erase(await contactOf('over'));
    const reopened = await engine.apply({ target: { conversationId: id }, action: { kind: 'REOPEN' } });
    expect(reopened).toMatchObject([{ outcome: 'REFUSED', error: { code: 'NOT_ALLOWED' } }]);
    expect(await conversation(id)).toMatchObject({ status: 'ENDED' });
  });

  it('PE-15 a repeated erasure changes nothing', async () => {
    const { engine } = api;
    await engine.writes('twice');
    const id = await contactOf('twice');
    const first = await erase(id);
    const row = () =>
      engine.db.sql`select * from contact where erased_at is not null order by id desc limit 1`;
    const [before, counted] = [await row(), await counts()];
    engine.clock.advance(60_000);
    expect(await erase(id)).toEqual(first);
    expect([await row(), await counts()]).toEqual([before, counted]);
  });

  it('the end that it causes is in the feed and is published to subscribers', async () => {
    const { engine } = api;
    await engine.writes('told');
    const { id } = await engine.latest('told');
    const told: string[] = [];
    const note = ({ conversationIds }: Changed) => void told.push(...conversationIds);
    const unsubscribe = await api.deps.subscribe(engine.accountId, note, 1);
    await erase(await contactOf('told'));
    await unsubscribe();
    expect(told).toEqual([id]);
  });
});

describe('a refused erasure changes nothing:', () => {
  it('for an unknown contact, one of another account, a malformed id or a missing scope', async () => {
    const { engine } = api;
    await engine.writes('stays');
    const id = await contactOf('stays');
    const other = await createAccount(engine.deps, { name: 'other' });
    const foreign = await api.makeKey(['accounts:write', 'conversations:read'], other);
    const notFound = { __typename: 'NotFoundError', field: 'contactId' };
    expect(await erase(id, 'AGENT', foreign)).toMatchObject(notFound);
    expect(await erase(api.id('Contact', engine.deps.newId()))).toMatchObject(notFound);
    expect(await erase(api.channel)).toMatchObject({ __typename: 'InvalidInputError', field: 'contactId' });
    const act = await api.makeKey(['conversations:read', 'conversations:act']);
    expect(await erase(id, 'AGENT', act)).toMatchObject({ scope: 'accounts:write' });
    expect(await engine.latest('stays')).toMatchObject({ status: 'WAITING' });
  });
});
