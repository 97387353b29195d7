import { describe, expect, it } from 'vitest';
import { faultsIn, linesWithFaults } from './invariants.ts';

const KEPT = { theirs: ['theirs-alone'], secrets: ['a secret'] };
const answer = (status: number, body: unknown, headers: Record<string, string> = {}) => ({
  ...{ status, headers: { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', ...headers } },
  body: typeof body === 'string' ? body : JSON.stringify(body),
});
const error = (extensions?: object) => ({ errors: [{ message: 'no', extensions }] });

describe('the invariants of an answer', () => {
  it.each([
    ['another account’s name', answer(200, { data: { name: 'theirs-alone' } }), 'another account'],
    ['one in a header', answer(200, {}, { 'x-account': 'theirs-alone' }), 'another account'],
    ['a secret', answer(200, { data: 'a secret' }), 'a secret'],
    [
      'a stack',
      answer(400, { errors: [{ message: 'at run (/app/src/a.ts:1:2)', extensions: { code: 'X' } }] }),
      'a stack trace',
    ],
    ['SQL', answer(200, { data: 'select id from account where 1' }), 'SQL'],
    ['an error of Postgres', answer(200, { data: 'relation "x" does not exist' }), 'an error of Postgres'],
    [
      'an error of JavaScript',
      answer(200, { data: 'TypeError: x is not a function' }),
      'an error of JavaScript',
    ],
    ['a 500', answer(500, error({ code: 'X' })), 'it is a 500'],
    [
      'a 503 that does not say when to try again',
      answer(503, error({ code: 'UNAVAILABLE' })),
      'without Retry-After',
    ],
    ['an error without a code', answer(200, error()), 'without a code'],
    ['an answer that may be kept', answer(200, {}, { 'cache-control': 'no-cache' }), 'it may be kept'],
    ['one whose type may be guessed', answer(200, {}, { 'x-content-type-options': '' }), 'may be guessed'],
    ['a fault', answer(200, error({ code: 'INTERNAL' })), 'an unexpected error'],
    ['a refusal without a body', answer(404, ''), 'without errors'],
    [
      'an error in a stream',
      answer(200, `data: ${JSON.stringify(error())}\n\n`, { 'content-type': 'text/event-stream' }),
      'without a code',
    ],
    ['no answer', answer(0, ''), 'without an answer'],
  ])('are violated by %s', (_what, got, fault) => {
    expect(faultsIn('', got, KEPT).join('\n')).toContain(fault);
  });

  it('hold for a correct answer and for an answer that repeats its request', () => {
    expect(faultsIn('', answer(200, { data: { name: 'ours' } }), KEPT)).toEqual([]);
    expect(faultsIn('', answer(503, error({ code: 'UNAVAILABLE' }), { 'retry-after': '5' }), KEPT)).toEqual(
      [],
    );
    expect(
      faultsIn(
        'a TypeError',
        answer(400, { errors: [{ message: 'no TypeError', extensions: { code: 'X' } }] }),
        KEPT,
      ),
    ).toEqual([]);
  });

  it('are violated by a log with a secret, an unexpected error or a malformed line', () => {
    expect(linesWithFaults('{"level":30,"msg":"fine"}\n', KEPT)).toEqual([]);
    for (const line of ['{"level":40,"msg":"a secret"}', '{"level":50,"msg":"x"}', 'Error: at once'])
      expect(linesWithFaults(`${line}\n`, KEPT)).toHaveLength(1);
  });
});
