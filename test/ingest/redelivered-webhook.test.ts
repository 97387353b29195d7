import { expect, it } from 'vitest';
import type { Inbound } from '../../src/adapters/adapter.ts';
import { NotAllowedError, UnavailableError } from '../../src/domain/errors.ts';
import type { ActivityResult, EngineDeps } from '../../src/engine.ts';
import { receive } from '../../src/ingest/receive-webhook.ts';
import { fakeClock } from '../support/clock.ts';
import { at } from '../support/domain.ts';

const inbound: Inbound = {
  events: ['a', 'b'].map((id) => ({
    ...{ kind: 'MESSAGE', address: 'ada', sentAt: at('12:00'), providerMessageId: id },
  })) as Inbound['events'],
  ...{ ignored: 0, malformed: [] },
};
const recording = (...results: ActivityResult[]) =>
  ({ clock: fakeClock(at('12:30')), record: async () => results }) as unknown as EngineDeps;
const done: ActivityResult = { outcome: 'APPLIED', conversationId: 'one', error: null };
const refused = (error: ActivityResult['error']): ActivityResult => ({
  ...{ outcome: 'REFUSED', conversationId: null, error },
});

it('a webhook call fails as unavailable, so that it is redelivered, if one of its activities is unavailable', async () => {
  const deps = recording(done, refused(new UnavailableError('too much at once')));
  await expect(receive(deps, 'account', 'channel', inbound)).rejects.toThrow(UnavailableError);
});

it('a webhook call succeeds and reports a fault if one of its activities is not allowed', async () => {
  const deps = recording(done, refused(new NotAllowedError('INBOUND', 'ENDED', 'no')));
  expect(await receive(deps, 'account', 'channel', inbound)).toEqual({
    ...{ applied: 1, duplicates: 0, ignored: 0 },
    faults: [{ field: 'events[1]', why: 'no' }],
  });
});
