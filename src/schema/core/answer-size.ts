import type { Plugin } from 'graphql-yoga';
import { MAX_ANSWER_BYTES } from '../../db/rows/bounded.ts';
import { TooLargeError } from '../../domain/errors.ts';
import { toGraphQLError } from './errors.ts';

/** Strings up to this length are measured in characters: counting their bytes takes longer than the precision is worth. */
const MAX_SHORT_STRING = 100;

/** Refuses a response or a subscription event of more than `MAX_ANSWER_BYTES`, before it is serialised. */
export const RESPONSE_SIZE: Plugin = {
  onExecute: () => ({
    onExecuteDone({ result, setResult }) {
      if ('data' in result && isTooLong(result.data))
        setResult({ errors: [toGraphQLError(new TooLargeError(MAX_ANSWER_BYTES))] });
    },
  }),
  onSubscribe: () => ({
    onSubscribeResult: () => ({
      onNext({ result, setResult }) {
        if (isTooLong(result.data))
          setResult({ errors: [toGraphQLError(new TooLargeError(MAX_ANSWER_BYTES))] });
      },
    }),
  }),
};

/** Estimates the size of the data as JSON without serialising it, and stops at the limit. */
function isTooLong(data: unknown): boolean {
  let bytes = 0;
  const left = [data];
  while (left.length > 0) {
    const value = left.pop();
    if (typeof value === 'string')
      bytes += 3 + (value.length > MAX_SHORT_STRING ? Buffer.byteLength(value) : value.length);
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
