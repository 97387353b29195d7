import { type ExecutionResult, GraphQLError } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { MAX_ANSWER_BYTES } from '../../db/rows/bounded.ts';
import { TooLargeError } from '../../domain/errors.ts';

/** Texts up to this are counted by their characters: to measure them exactly takes longer than it is worth. */
const SHORT = 100;

/** Refuses an answer, and an event of a subscription, that would be longer than any may be, before it is written out. */
export const BOUNDED: Plugin = {
  onExecute: () => ({
    onExecuteDone({ result, setResult }) {
      if ('data' in result && isTooLong(result.data)) setResult(tooLarge());
    },
  }),
  onSubscribe: () => ({
    onSubscribeResult: () => ({
      onNext({ result, setResult }) {
        if (isTooLong(result.data)) setResult(tooLarge());
      },
    }),
  }),
};

function tooLarge(): ExecutionResult {
  const { message, code, max } = new TooLargeError(MAX_ANSWER_BYTES);
  return { errors: [new GraphQLError(message, { extensions: { code, max } })] };
}

/** Whether it would be longer in JSON, as near as it can be told without writing it; stops where it is. */
function isTooLong(data: unknown): boolean {
  let bytes = 0;
  const left = [data];
  while (left.length > 0) {
    const value = left.pop();
    if (typeof value === 'string')
      bytes += 3 + (value.length > SHORT ? Buffer.byteLength(value) : value.length);
    else if (typeof value !== 'object' || value === null) bytes += 6;
    else if (Array.isArray(value)) for (const each of value) left.push(each);
    else
      for (const [name, each] of Object.entries(value)) {
        bytes += name.length + 3;
        left.push(each);
      }
    if (bytes > MAX_ANSWER_BYTES) return true;
  }
  return false;
}
