import { describe, expect, it } from 'vitest';
import { createLog } from '../src/log.ts';

function logged(write: (log: ReturnType<typeof createLog>) => void): string {
  const lines: string[] = [];
  write(createLog({ logLevel: 'info' }, { write: (line) => lines.push(line) }));
  return lines.join('');
}

it('secrets never reach the log', () => {
  const written = logged((log) => {
    log.info({ password: 'hidden1', channel: { settings: { apiKey: 'hidden2' } } }, 'started');
    log.info({ request: { headers: { authorization: 'Bearer hidden3', cookie: 'hidden4' } } });
    log.error({ err: new Error('cannot reach postgres://ann:hidden5@db:5432/lull') });
    log.info('redis://:hidden6@p@cache is down');
  });
  expect(written).not.toContain('hidden');
  expect(written).toContain('postgres://ann:[redacted]@db:5432/lull');
});

it('invisible characters are escaped, and parsing the JSON restores them', () => {
  const name = 'a\x1b[2J\x7f\x9b31m\u202e\u2028b';
  const written = logged((log) => log.warn({ name }, `called ${name}`));
  expect(written.trimEnd()).toMatch(/^[\x20-\x7e]+$/);
  expect(JSON.parse(written)).toMatchObject({ name, msg: `called ${name}` });
});

it('text without secrets is logged unchanged', () => {
  const written = logged((log) => log.info({ url: 'http://127.0.0.1:4400/graphql', to: 'a@b' }, 'listening'));
  expect(JSON.parse(written)).toMatchObject({ url: 'http://127.0.0.1:4400/graphql', to: 'a@b' });
});

it('lines below the configured level are not written', () => {
  expect(logged((log) => log.debug('detail'))).toBe('');
});

describe('redaction of customer addresses', () => {
  const ADDRESSES = ['+4915112345678', '4915112345678', 'ada.marked@customer.example', 'marked-visitor'];
  const error = (more: object, message = 'failed') => Object.assign(new Error(message), more);

  it('removes them from lines about database errors', () => {
    for (const address of ADDRESSES) {
      const written = logged((log) => {
        const fields = {
          ...{ severity: 'ERROR', code: '23505', constraint_name: 'contact_address', table_name: 'contact' },
          ...{ detail: `Key (address)=(${address}) already exists.`, where: `at ${address}`, hint: address },
          ...{ query: `select '${address}'`, parameters: [address], args: [[address]] },
        };
        log.error(
          { err: error(fields, 'duplicate key value violates unique constraint "contact_address"') },
          'x',
        );
        log.error({
          err: error({ severity: 'ERROR', code: '22P02' }, `invalid input for uuid: "${address}"`),
        });
        log.error({ err: error({ severity: 'ERROR', code: '42703' }, `no such thing: "${address}"`) });
        log.error({ err: error({ severity: 'ERROR', code: 'P0001' }, address) });
        log.error({ err: error({ cause: error(fields) }) });
        log.error({ err: new AggregateError([error(fields)], 'all failed') });
      });
      expect(written).not.toContain(address);
      expect(written).toContain('"constraint_name":"contact_address"');
      expect(written).toContain('log.test.ts');
    }
  });

  it('removes them from lines about provider errors and from carelessly written lines', () => {
    for (const address of ADDRESSES) {
      const written = logged((log) => {
        log.error({
          err: new TypeError(`Failed to parse URL from https://provider.example/to/${address}/x`),
        });
        log.warn(
          { err: error({ cause: error({ url: `https://x.example/${address}` }) }) },
          'an effect failed',
        );
        log.info({ contact: { address, events: [{ address }] } }, 'contact');
        log.child({ job: 'x' }).info({ conversation: { contact: { address } }, text: address }, 'deeper');
      });
      expect(written).not.toContain(address);
    }
    for (const address of ADDRESSES.slice(0, 3)) {
      const written = logged((log) => {
        log.info(`sent to ${address}`);
        log.info({ why: `the number ${address} is not valid` }, `no ${address}`);
        log.error(new Error(`21211: ${address} is not a valid number`));
      });
      expect(written).not.toContain(address);
    }
  });

  it('leaves ids, instants, versions and counts as they are', () => {
    const fields = {
      ...{ id: '018f0000-0000-7000-8000-000000000000', at: '2026-03-02T12:00:00.000Z', count: 1234567890 },
      ...{ migrations: ['20261120125703_start'], version: '1.2.3', host: '10.0.0.1:5432' },
    };
    expect(JSON.parse(logged((log) => log.info(fields, 'as it is')))).toMatchObject(fields);
  });
});
