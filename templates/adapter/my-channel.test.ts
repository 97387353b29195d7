import { describe, it } from 'node:test';
import { adapterContract } from 'lull/adapters';
import adapter from './my-channel.ts';
import { samples } from './samples.ts';

describe('the adapter my-channel', () => {
  for (const { name, run } of adapterContract(adapter, samples)) it(name, run);
});
