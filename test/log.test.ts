import { expect, it } from 'vitest';
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

it('characters that do not show are escaped, and JSON gives them back', () => {
  const name = 'a\x1b[2J\x7f\x9b31m\u202e\u2028b';
  const written = logged((log) => log.warn({ name }, `called ${name}`));
  expect(written.trimEnd()).toMatch(/^[\x20-\x7e]+$/);
  expect(JSON.parse(written)).toMatchObject({ name, msg: `called ${name}` });
});

it('leaves what is no secret', () => {
  const written = logged((log) => log.info({ url: 'http://127.0.0.1:4400/graphql', to: 'a@b' }, 'listening'));
  expect(JSON.parse(written)).toMatchObject({ url: 'http://127.0.0.1:4400/graphql', to: 'a@b' });
});

it('keeps to its level', () => {
  expect(logged((log) => log.debug('detail'))).toBe('');
});
