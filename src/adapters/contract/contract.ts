import type { Adapter, InboundEvent, InboundReply, InboundRequest } from '../adapter.ts';
import { closingCases } from './closing.ts';
import { deliverCases } from './deliver.ts';
import { destinationCases } from './destination.ts';
import { inboundCases } from './inbound.ts';
import { rulesCases } from './rules.ts';
import { namingCases, settingsCases } from './settings.ts';

/** One thing that every adapter must do. `run` rejects with what went wrong. */
export type ContractCase = { name: string; run: () => Promise<void> };

/** What the contract has to know of an adapter to try it out. */
export type AdapterSamples = {
  /** Good settings, with everything that sending needs. */
  settings: unknown;
  /** Good settings of another channel, with other secrets. */
  otherSettings: unknown;
  /** The time at which the sample calls came in. */
  now: Date;
  /** Calls as the provider makes them, signed for `settings`, and the events that each holds. */
  calls: readonly { request: InboundRequest; events: readonly InboundEvent[] }[];
  /** What the provider answers when it takes a message; by URL, for those that need several requests. */
  taken: (url: string) => Response;
  /** For adapters with a handshake: a genuine one, its answer, and a forged one. */
  handshake?: { genuine: InboundRequest; reply: InboundReply; forged: InboundRequest };
};

/**
 * The conformance suite: named cases to run under any test runner, or none.
 *
 *     for (const { name, run } of adapterContract(adapter, samples)) it(name, run);
 */
export function adapterContract(adapter: Adapter, samples: AdapterSamples): ContractCase[] {
  return [
    ...settingsCases(adapter, samples),
    ...rulesCases(adapter),
    ...closingCases(adapter, samples),
    ...inboundCases(adapter, samples),
    ...deliverCases(adapter, samples),
    ...destinationCases(adapter, samples),
  ];
}

/** The cases that need no samples: what every adapter is held to at the service's start. */
export function unsampledContract(adapter: Adapter): ContractCase[] {
  return [...namingCases(adapter), ...rulesCases(adapter)];
}
