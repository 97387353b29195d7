import type { z } from 'zod';
import type { Closing, ClosingContext } from '../domain/closing/closing.ts';
import type { ReceiptState } from '../domain/conversation/activity.ts';
import type { Keyword } from '../domain/conversation/keyword.ts';
import type { ChannelRules } from '../domain/policy/channel-rules.ts';

/** A webhook call as it came in. The body is the raw bytes: that is what a signature is over. */
export type InboundRequest = {
  method: string;
  /** The public URL that the sender called; some sign it. */
  url: string;
  headers: Headers;
  body: Uint8Array;
};

/** What an adapter may touch, besides its arguments: no other clock, no other way out. */
export type AdapterContext<Settings> = {
  settings: Settings;
  fetch: typeof fetch;
  now: () => Date;
  /** Aborted when the call has taken too long or the service stops; to be handed to `fetch`. */
  signal: AbortSignal;
};

/** A customer's message. The text is read for keywords and never stored. */
export type InboundMessage = {
  kind: 'MESSAGE';
  /** The sender's own id for it, the same at every redelivery: what makes recording it idempotent. */
  providerMessageId: string;
  /** Who wrote, as the channel knows them: a phone number, a user id. */
  address: string;
  sentAt: Date;
  text?: string;
  /** What the provider itself took the message for, where it says so; else the text is read (PE-12). */
  keyword?: Keyword;
  clientVersion?: string;
  /** The language of the customer's client, as BCP 47 has it. */
  locale?: string;
};

/** What became of a message that was sent to a customer. */
export type InboundReceipt = {
  kind: 'RECEIPT';
  providerMessageId: string;
  address: string;
  state: ReceiptState;
  at: Date;
};

/**
 * A message of the business's own that the channel shows: written in another app, or the echo of one that Lull sent,
 * which is known by its id and counts for nothing (LL-9).
 */
export type InboundEcho = {
  kind: 'ECHO';
  providerMessageId: string;
  address: string;
  sender: 'AGENT' | 'BOT' | 'AUTOMATION';
  at: Date;
};

/** The conversation was ended on the platform it is held on, by somebody of the business. */
export type InboundEnd = {
  kind: 'END';
  providerEventId: string;
  address: string;
  by: 'AGENT' | 'BOT';
  at: Date;
};

/** The customer left and ended the conversation from their side. */
export type InboundLeave = { kind: 'LEAVE'; providerEventId: string; address: string; at: Date };

export type InboundEvent = InboundMessage | InboundReceipt | InboundEcho | InboundEnd | InboundLeave;

/** What a call contained. One bad event spoils none of the good ones. */
export type Inbound = {
  /** In the order in which they came. */
  events: readonly InboundEvent[];
  /** How many were of a kind that Lull has no use for. */
  ignored: number;
  /** Those that could not be read: which field, and what it should have been. */
  malformed: readonly { field: string; allowed: string }[];
};

/** An answer that a provider expects in a form of its own. */
export type InboundReply = { status: number; headers: Record<string, string>; body: string };

/** Something to show to a customer. `id` is the same at every attempt. */
export type OutboundMessage = { id: string; conversationId: string; address: string } & (
  | { kind: 'WARNING' | 'CLOSE_MESSAGE'; text: string }
  /** A message that the provider has approved of, by its name there: all that may be sent outside the reply window (PE-4). */
  | { kind: 'TEMPLATE'; template: string; locale: string | null }
  | { kind: 'SURVEY' | 'SEPARATOR' }
);

/** What became of an attempt to send. Where that cannot be known (no answer), `deliver` throws instead. */
export type DeliverResult =
  | { outcome: 'ACCEPTED'; providerMessageId: string | null }
  /** It will never be taken. The reason is shown to admins, so it holds no secret. */
  | { outcome: 'REJECTED'; reason: string }
  /** Not now; `afterMs` is what the provider asked for, null if it did not say. `isLimited`: it is well, and takes no more just now. */
  | { outcome: 'RETRY'; afterMs: number | null; isLimited?: true };

/** Taken; the id is the one that receipts and echoes will carry, null if there is none. */
export function accepted(providerMessageId: string | null): DeliverResult {
  return { outcome: 'ACCEPTED', providerMessageId };
}

/** Refused for good. The reason is shown to admins: no secret, no message text. */
export function rejected(reason: string): DeliverResult {
  return { outcome: 'REJECTED', reason };
}

/** Not taken, and worth another attempt: after `afterMs`, or with null when Lull sees fit. */
export function retry(afterMs: number | null): DeliverResult {
  return { outcome: 'RETRY', afterMs };
}

/** Not taken because the provider limits how much it takes, which is no failure of its own: as `retry` in all else. */
export function limited(afterMs: number | null): DeliverResult {
  return { outcome: 'RETRY', afterMs, isLimited: true };
}

type Members<Settings> = {
  /** Lower-case words joined by hyphens; stored with every channel, so it never changes. */
  id: string;
  /** For people. */
  name: string;
  rules: ChannelRules;
  /** The rules that hold instead where a setting has a value, such as that of a tier (SF-1). */
  variants?: { setting: string; of: Readonly<Record<string, ChannelRules>> };
  /** The setting without which nothing is sent to customers: their platform reads it from the API. Absent: always sent. */
  sendsBy?: string;
  /** What the customer sees at the end (LL-14). Pure. */
  closing(context: ClosingContext<Settings>): Closing;
  inbound: {
    /** The provider does not say when things happened: they count as of their arrival, `now()`. */
    undated?: true;
    /** The provider signs nothing and shows a secret instead: who has seen one call could make others up. */
    unsigned?: true;
    /** Whether the call is genuine. Nothing else looks at one that is not. */
    verify(request: InboundRequest, context: AdapterContext<Settings>): boolean | Promise<boolean>;
    /** Reads a genuine call. @throws InvalidInputError where the body as a whole can't be read. */
    parse(request: InboundRequest, context: AdapterContext<Settings>): Inbound;
    /** Answers the GET by which a provider makes sure of an endpoint; null: not genuine. */
    handshake?(request: InboundRequest, context: AdapterContext<Settings>): InboundReply | null;
    /** The answer after the events are committed, where a bare 204 would not do. */
    acknowledge?(request: InboundRequest, context: AdapterContext<Settings>): InboundReply;
  };
  /** Sends one message. Throws, as `fetch` does, where it can't be known whether it was taken. */
  deliver(message: OutboundMessage, context: AdapterContext<Settings>): Promise<DeliverResult>;
};

declare const parsed: unique symbol;
/** A channel's settings after its adapter's schema has passed them: only `parseSettings` makes them. */
export type ChannelSettings = { readonly [parsed]: true };

/** An adapter as the core holds it: which settings it takes is known to itself alone. */
export type Adapter = Members<ChannelSettings> & { settings: z.ZodType<object> };

/**
 * Defines a channel: data and a few functions, in which the settings have the type that their schema gives them.
 * The schema should be strict, so that a misspelt setting is refused.
 */
export function defineAdapter<Schema extends z.ZodType<object>>(
  definition: Members<z.output<Schema>> & { settings: Schema },
): Adapter {
  // Sound as long as settings come from parseSettings, which the brand sees to.
  return definition as unknown as Adapter;
}

/** The rules that hold on a channel with these settings, as they are stored. */
export function rulesOf(
  { rules, variants }: Pick<Adapter, 'rules' | 'variants'>,
  settings: unknown,
): ChannelRules {
  if (!variants) return rules;
  const value = (settings as Record<string, unknown> | null)?.[variants.setting];
  return (typeof value === 'string' ? variants.of[value] : undefined) ?? rules;
}

/** Whether messages to customers go out on a channel with these settings, as they are stored. */
export function sendsOn({ sendsBy }: Pick<Adapter, 'sendsBy'>, settings: unknown): boolean {
  return sendsBy === undefined || (settings as Record<string, unknown> | null)?.[sendsBy] !== undefined;
}

/** Every set of rules that an adapter has. */
export function allRulesOf({
  rules,
  variants,
}: Pick<Adapter, 'rules' | 'variants'>): readonly ChannelRules[] {
  return [rules, ...Object.values(variants?.of ?? {})];
}

/** What the core knows of a channel from its adapter and its settings, as they are stored. */
export function setupOf(adapter: Adapter, settings: unknown): { rules: ChannelRules; sends: boolean } {
  return { rules: rulesOf(adapter, settings), sends: sendsOn(adapter, settings) };
}
