import type { z } from 'zod';
import type { Closing, ClosingContext } from '../domain/closing/closing.ts';
import type { ReceiptState } from '../domain/conversation/activity.ts';
import type { Keyword } from '../domain/conversation/keyword.ts';
import type { ChannelRules } from '../domain/policy/channel-rules.ts';

/** A webhook request as received. The body is the raw bytes, because signatures cover them. */
export type InboundRequest = {
  method: string;
  /** The public URL that the provider called; some providers sign it. */
  url: string;
  headers: Headers;
  body: Uint8Array;
};

/** Everything that an adapter may use besides its arguments. It must not read the clock or the network otherwise. */
export type AdapterContext<Settings> = {
  settings: Settings;
  fetch: typeof fetch;
  now: () => Date;
  /** Aborted when the call times out or the service stops; pass it to `fetch`. */
  signal: AbortSignal;
};

/** A customer's message. The text is matched against keywords and never stored. */
export type InboundMessage = {
  kind: 'MESSAGE';
  /** The provider's id of the message, the same at every redelivery: recording is idempotent by it. */
  providerMessageId: string;
  /** The sender's identifier on the channel, such as a phone number or a user id. */
  address: string;
  sentAt: Date;
  text?: string;
  /** The keyword that the provider itself recognized; absent: Lull looks for one in the text (PE-12). */
  keyword?: Keyword;
  clientVersion?: string;
  /** The language of the customer's client, as a BCP 47 tag. */
  locale?: string;
};

/** The delivery status of a message that was sent to a customer. */
export type InboundReceipt = {
  kind: 'RECEIPT';
  providerMessageId: string;
  address: string;
  state: ReceiptState;
  at: Date;
};

/**
 * A message of the business that the channel reports: written in another app, or the echo of a message that Lull sent.
 * Lull recognizes its own messages by their id and ignores their echoes (LL-9).
 */
export type InboundEcho = {
  kind: 'ECHO';
  providerMessageId: string;
  address: string;
  sender: 'AGENT' | 'BOT' | 'AUTOMATION';
  at: Date;
};

/** The business ended the conversation on the provider's platform. */
export type InboundEnd = {
  kind: 'END';
  providerEventId: string;
  address: string;
  by: 'AGENT' | 'BOT';
  at: Date;
};

/** The customer ended the conversation. */
export type InboundLeave = { kind: 'LEAVE'; providerEventId: string; address: string; at: Date };

export type InboundEvent = InboundMessage | InboundReceipt | InboundEcho | InboundEnd | InboundLeave;

/** The content of one webhook request. An invalid event does not affect the valid ones. */
export type Inbound = {
  /** In the order in which they were sent. */
  events: readonly InboundEvent[];
  /** The number of events of a kind that Lull does not use. */
  ignored: number;
  /** For each invalid event, the field at fault and its allowed values. */
  malformed: readonly { field: string; allowed: string }[];
};

/** A response in the form that a provider expects. */
export type InboundReply = { status: number; headers: Record<string, string>; body: string };

/** The content of a message to a customer. */
export type MessageContent =
  | { kind: 'WARNING' | 'CLOSE_MESSAGE'; text: string }
  /** A template that the provider has approved, by its name: the only message allowed outside the reply window (PE-4). */
  | { kind: 'TEMPLATE'; template: string; locale: string | null }
  | { kind: 'SURVEY' | 'SEPARATOR' };

/** A message to show to a customer. `id` is the same at every attempt. */
export type OutboundMessage = { id: string; conversationId: string; address: string } & MessageContent;

/** The result of an attempt to send. `deliver` throws instead where the result is unknown, such as after a timeout. */
export type DeliverResult =
  | { outcome: 'ACCEPTED'; providerMessageId: string | null }
  /** The provider refused the message for good. Admins see the reason, so it must contain no secret. */
  | { outcome: 'REJECTED'; reason: string }
  /** A later attempt may succeed. `afterMs`: the delay that the provider asked for. `isLimited`: the provider is healthy and limits the rate. */
  | { outcome: 'RETRY'; afterMs: number | null; isLimited?: true };

/** The provider accepted the message. Receipts and echoes carry this id; null if the provider gives none. */
export function accepted(providerMessageId: string | null): DeliverResult {
  return { outcome: 'ACCEPTED', providerMessageId };
}

/** The provider refused the message for good. Admins see the reason: no secret and no message text. */
export function rejected(reason: string): DeliverResult {
  return { outcome: 'REJECTED', reason };
}

/** The provider is in trouble; try again after `afterMs`, or after Lull's own backoff if null. */
export function retry(afterMs: number | null): DeliverResult {
  return { outcome: 'RETRY', afterMs };
}

/** The provider limits the rate; try again as after `retry`. This does not open the channel's circuit breaker. */
export function limited(afterMs: number | null): DeliverResult {
  return { outcome: 'RETRY', afterMs, isLimited: true };
}

type Members<Settings> = {
  /** Lower-case words joined by hyphens. It is stored with every channel, so it must never change. */
  id: string;
  /** The name shown to people. */
  name: string;
  rules: ChannelRules;
  /** The rules that replace `rules` for each value of one setting, such as a tier (SF-1). */
  variants?: { setting: string; of: Readonly<Record<string, ChannelRules>> };
  /**
   * The setting that enables sending. Without a value for it nothing is sent, and the platform reads from the API what
   * to show. Absent: Lull always sends.
   */
  sendsBy?: string;
  /** Decides what the customer sees when a conversation ends (LL-14). Pure. */
  closing(context: ClosingContext<Settings>): Closing;
  inbound: {
    /** The provider sends no timestamps: events are dated by their arrival, `now()`. */
    undated?: true;
    /** The provider signs nothing and sends a shared secret instead: anyone who has seen a request can forge one. */
    unsigned?: true;
    /** Whether the request is genuine. Nothing else is called for one that is not. */
    verify(request: InboundRequest, context: AdapterContext<Settings>): boolean | Promise<boolean>;
    /** Parses a genuine request. @throws InvalidInputError if the body as a whole is malformed. */
    parse(request: InboundRequest, context: AdapterContext<Settings>): Inbound;
    /** Answers the GET by which a provider verifies the endpoint; null: it is not genuine. */
    handshake?(request: InboundRequest, context: AdapterContext<Settings>): InboundReply | null;
    /** The response after the events are committed, where the provider does not accept a bare 204. */
    acknowledge?(request: InboundRequest, context: AdapterContext<Settings>): InboundReply;
  };
  /** Sends one message. Throws, as `fetch` does, where it is unknown whether the provider accepted it. */
  deliver(message: OutboundMessage, context: AdapterContext<Settings>): Promise<DeliverResult>;
};

declare const parsed: unique symbol;
/** A channel's settings after its adapter's schema has accepted them: only `parseSettings` makes them. */
export type ChannelSettings = { readonly [parsed]: true };

/** An adapter as the core holds it: only the adapter knows the type of its settings. */
export type Adapter = Members<ChannelSettings> & { settings: z.ZodType<object> };

/**
 * Defines a channel: data and a few functions, whose settings have the type of the schema. The schema should be strict,
 * so that a misspelt setting is rejected.
 */
export function defineAdapter<Schema extends z.ZodType<object>>(
  definition: Members<z.output<Schema>> & { settings: Schema },
): Adapter {
  // Sound as long as settings come from parseSettings, which the brand enforces.
  return definition as unknown as Adapter;
}

/** The rules of a channel with these stored settings. */
export function rulesFor(
  { rules, variants }: Pick<Adapter, 'rules' | 'variants'>,
  settings: unknown,
): ChannelRules {
  const value = variants && settingOf(settings, variants.setting);
  return (typeof value === 'string' ? variants?.of[value] : undefined) ?? rules;
}

/** Every set of rules of an adapter. */
export function allRulesOf({
  rules,
  variants,
}: Pick<Adapter, 'rules' | 'variants'>): readonly ChannelRules[] {
  return [rules, ...Object.values(variants?.of ?? {})];
}

/** The rules of a channel with these stored settings, and whether Lull sends its messages. */
export function channelSetup(adapter: Adapter, settings: unknown): { rules: ChannelRules; sends: boolean } {
  const { sendsBy } = adapter;
  return {
    rules: rulesFor(adapter, settings),
    sends: sendsBy === undefined || settingOf(settings, sendsBy) !== undefined,
  };
}

function settingOf(settings: unknown, name: string): unknown {
  return (settings as Record<string, unknown> | null)?.[name];
}
