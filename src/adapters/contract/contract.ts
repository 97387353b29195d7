import type { Adapter, InboundEvent, InboundReply, InboundRequest } from '../adapter.ts';
import { closingCases } from './closing.ts';
import { deliverCases } from './deliver.ts';
import { destinationCases } from './destination.ts';
import { inboundCases } from './inbound.ts';
import { rulesCases } from './rules.ts';
import { schemaCases, settingsCases } from './settings.ts';

/** One requirement on every adapter. `run` rejects with the violation. */
export type ContractCase = { name: string; run: () => Promise<void> };

/** A requirement that is not bound to an adapter yet. Some need samples. */
export type AdapterCase<Given> = { name: string; run: (given: Given) => void | Promise<void> };
export type Sampled = { adapter: Adapter; samples: AdapterSamples };

/** The sample data by which the contract tests an adapter. */
export type AdapterSamples = {
  /** Valid settings, including every setting that sending needs. */
  settings: unknown;
  /** Valid settings of another channel, with different secrets. */
  otherSettings: unknown;
  /** The time at which the sample calls arrived. */
  now: Date;
  /** Requests of the provider, signed for `settings`, each with the events that it contains. */
  calls: readonly { request: InboundRequest; events: readonly InboundEvent[] }[];
  /** The provider's response when it accepts a message; by URL, if sending takes several requests. */
  acceptedResponse: (url: string) => Response;
  /** For adapters with a handshake: a genuine request, its response, and a forged request. */
  handshake?: { genuine: InboundRequest; reply: InboundReply; forged: InboundRequest };
};

/**
 * The conformance suite: named cases for any test runner.
 *
 *     for (const { name, run } of adapterContract(adapter, samples)) it(name, run);
 */
export function adapterContract(adapter: Adapter, samples: AdapterSamples): ContractCase[] {
  return [
    ...bind(schemaCases, adapter),
    ...bind(settingsCases, { adapter, samples }),
    ...bind(rulesCases, adapter),
    ...bind(closingCases, { adapter, samples }),
    ...bind(inboundCases, { adapter, samples }),
    ...bind(deliverCases, { adapter, samples }),
    ...bind(destinationCases, { adapter, samples }),
  ];
}

/** The cases that need no samples: the service checks every adapter by them when it starts. */
export function unsampledContract(adapter: Adapter): ContractCase[] {
  return [...bind(schemaCases, adapter), ...bind(rulesCases, adapter)];
}

function bind<Given>(cases: readonly AdapterCase<Given>[], given: Given): ContractCase[] {
  return cases.map(({ name, run }) => ({ name, run: async () => run(given) }));
}
