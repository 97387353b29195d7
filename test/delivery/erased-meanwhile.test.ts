import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eraseContact } from '../../src/accounts/erase-contact.ts';
import { withoutAddress } from '../../src/delivery/without-address.ts';
import { MINUTE } from '../support/engine.ts';
import { everything } from '../support/everything.ts';
import { openSending, type Sending } from '../support/sending.ts';

let world: Sending;
let sms: string;
beforeAll(async () => {
  world = await openSending();
  sms = await world.channel('sms');
});
afterAll(() => world.close());

const isKnown = async (text: string) => (await everything(world.engine.db.sql)).includes(text);

/** Ends a conversation, and erases its contact while the close message is under way. `then` runs before the answer. */
async function erasedUnderWay(address: string, sid: string, then: () => Promise<unknown> = async () => {}) {
  const { engine } = world;
  await world.ends(sms, address);
  const { contact_id: contactId } = await engine.latest(address);
  let done = false;
  world.provider(async (response) => {
    if (!done) {
      done = true;
      await eraseContact(engine.deps, engine.accountId, contactId as string, { kind: 'END', by: 'AGENT' });
      await then();
    }
    response.writeHead(201).end(JSON.stringify({ sid }));
  });
  await world.relay();
  expect(done).toBe(true);
}

describe('PE-15 an address that is erased while a message to it is under way', () => {
  it('is not stored again by the echo of the message, before its answer or after', async () => {
    const address = '+15550100123';
    await erasedUnderWay(address, `SM-${address}`, async () => {
      world.engine.clock.advance(1_000);
      expect(await world.echo(sms, address, `SM-${address}`)).toMatchObject({ applied: 0, faults: [] });
    });
    world.engine.clock.advance(5 * MINUTE);
    expect(await world.echo(sms, address, `SM-${address}`)).toMatchObject({ applied: 0, duplicates: 1 });
    expect(await isKnown(address)).toBe(false);
    expect(world.logged()).not.toContain(address);
  });

  it('belongs to a new contact once the customer writes, even in the next second', async () => {
    const address = '+15550100456';
    await erasedUnderWay(address, 'SM-2');
    world.engine.clock.advance(1_000);
    await world.does(sms, address, { kind: 'INBOUND' });
    expect(await world.engine.latest(address)).toMatchObject({ status: 'WAITING', previous_id: null });
  });
});

describe('a provider’s answer is stored without the address of the customer', () => {
  it.each([
    ['the number +49 170 1 is bad', '+49 170 1', 'the number [address] is bad'],
    ['to: 491701234567, code 7', '+491701234567', 'to: [address], code 7'],
    ['no mailbox Ada@Lull.example.', 'ada@lull.example', 'no mailbox [address].'],
    ['code 4917', '491', 'code 4917'],
    ['code 49170', '4917', 'code 49170'],
  ])('%s', (text, address, kept) => expect(withoutAddress(text, address)).toBe(kept));
});
