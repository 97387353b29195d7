import { describe, it } from 'node:test';
import { adapterContract } from 'lull/adapters';
import { samples } from './samples.ts';
import adapter from './telegram.ts';

describe('the adapter telegram', () => {
  for (const { name, run } of adapterContract(adapter, samples)) it(name, run);
});
