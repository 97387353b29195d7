import type { AccountRules } from '../policy/account-rules.ts';
import { type Due, nextDue, type Timer } from '../time/timers.ts';
import { type ClockName, type Conversation, type Ending, factsOf, type LaneFacts } from './conversation.ts';
import type { Event } from './event.ts';

/**
 * What a timer does to every conversation of its lane: their new facts (null: ended) and their clocks, which never
 * move back. The wake writes it for a whole batch, and `fire` computes it for one conversation in memory.
 */
export type Firing = {
  facts: LaneFacts | null;
  /** NOW: the instant it acts; CLOCK: the value of the clock it counts from; NONE: removed. */
  clocks: Partial<Record<ClockName, 'NOW' | 'CLOCK' | 'NONE'>>;
  /** Whether the agent is unassigned. */
  freesAgent: boolean;
  /** The tag that is added; null: none. */
  tag: string | null;
};

/**
 * A timer that does not end the conversation changes its clock or the reminder stage, so it cannot fire twice.
 * When the inactivity clock restarts, so do the reminders (PE-2).
 */
export function firingOf(timer: Timer, facts: LaneFacts): Firing {
  const { action } = timer;
  const keeps = { freesAgent: false, tag: null };
  switch (action.does) {
    case 'END':
      return { ...keeps, facts: null, clocks: {}, tag: action.tag };
    case 'HOLD':
      return { ...keeps, facts: { ...facts, held: true }, clocks: { [timer.clock]: 'NOW' } };
    case 'TO_QUEUE':
      return {
        ...keeps,
        facts: { ...facts, status: 'WAITING', stage: 0 },
        clocks: { [timer.clock]: 'NOW', statusSince: 'NOW' },
        freesAgent: true,
      };
    case 'INACTIVATE':
      return {
        ...keeps,
        facts: { ...facts, status: 'INACTIVE' },
        clocks: { [timer.clock]: 'NOW', statusSince: 'NOW' },
      };
    case 'REMIND':
      return { ...keeps, facts: { ...facts, stage: facts.stage + 1 }, clocks: {} };
    case 'OVERFLOW':
      return {
        ...keeps,
        facts: { ...facts, skillId: action.skillId, overflowed: true },
        clocks: { [timer.clock]: 'NOW' },
      };
    case 'RELEASE':
      return {
        ...keeps,
        facts: { ...facts, held: false, stage: 0 },
        clocks: {
          lastActivityAt: 'CLOCK',
          statusSince: 'CLOCK',
          heldUntil: 'NONE',
          // A NEW conversation has this clock even while the agent is awaited (LL-8).
          ...(facts.awaiting === 'CONSUMER' || facts.status === 'NEW' ? { awaitingSince: 'CLOCK' } : {}),
        },
      };
  }
}

/**
 * The lateness of an automatic end in whole milliseconds: from the earliest instant at which it could have come
 * (LL-13).
 */
export function latenessMs(at: Date, due: Date, rulesSince: Date, placedAt: Date): number {
  return Math.max(0, at.getTime() - Math.max(due.getTime(), rulesSince.getTime(), placedAt.getTime()));
}

/** Lets a timer act on one open conversation at `now`. */
export function fire(
  conversation: Conversation,
  { timer, at: due }: Due,
  now: Date,
  rules: AccountRules,
): { conversation: Conversation; event: Event } {
  const facts = factsOf(conversation, rules.exemptTags);
  if (facts === null) throw new Error(`${timer.kind} cannot fire on an ended conversation`);
  const firing = firingOf(timer, facts);
  const stamped: Partial<Record<ClockName, Date | null>> = {};
  for (const [name, stamp] of Object.entries(firing.clocks) as [ClockName, 'NOW' | 'CLOCK' | 'NONE'][]) {
    const was = conversation[name];
    const clock = conversation[timer.clock] ?? now;
    // A late release does not undo later changes of a clock.
    if (stamp === 'CLOCK') stamped[name] = was !== null && was > clock ? was : clock;
    else stamped[name] = stamp === 'NOW' ? now : null;
  }
  const next: Conversation = {
    ...conversation,
    ...(stamped as Partial<Conversation>),
    revision: conversation.revision + 1,
    placedAt: now,
    ...(firing.freesAgent ? { agentId: null } : {}),
    ...(firing.tag === null ? {} : { tags: [...new Set([...conversation.tags, firing.tag])] }),
    ...(firing.facts
      ? {
          status: firing.facts.status,
          held: firing.facts.held,
          stage: firing.facts.stage,
          skillId: firing.facts.skillId,
          overflowed: firing.facts.overflowed,
        }
      : { status: 'ENDED' as const, ending: endingBy(conversation, { timer, at: due }, now, rules) }),
  };
  return {
    conversation: next,
    event: {
      accountId: next.accountId,
      conversationId: next.id,
      revision: next.revision,
      kind: 'TIMER',
      at: now,
      recordedAt: now,
      actor: 'SYSTEM',
      agentId: null,
      channelId: next.channelId,
      messageId: null,
      timer: timer.kind,
      effect: firing.facts ? null : 'ENDED',
      status: next.status,
      awaiting: next.awaiting,
      data: {
        due: due.toISOString(),
        ...(next.ending && { endReason: next.ending.reason }),
        ...(firing.tag === null ? {} : { tag: firing.tag }),
      },
    },
  };
}

function endingBy(
  conversation: Conversation,
  { timer, at: due }: Due,
  now: Date,
  rules: AccountRules,
): Ending {
  if (timer.action.does !== 'END' || conversation.status === 'ENDED')
    throw new Error(`${timer.kind} ends nothing here`);
  return {
    at: now,
    reason: timer.action.reason,
    by: 'SYSTEM',
    creditedAgentId: conversation.agentId,
    formerStatus: conversation.status,
    rulesVersion: rules.version,
    latenessMs: latenessMs(now, due, rules.since, conversation.placedAt),
  };
}

/** The result of `advance`: the conversation, and the event of each firing with its due instant. */
export type Advance = { conversation: Conversation; events: Event[] };

/**
 * Advances time in memory: every timer that is due before `until` acts at its due instant, the earliest first. A
 * timer that is due exactly at `until` does not act, because an activity of that instant wins.
 */
export function advance(conversation: Conversation, until: Date | null, rules: AccountRules): Advance {
  const events: Event[] = [];
  let current = conversation;
  for (;;) {
    const due = nextDue(rules, current);
    if (!due || (until !== null && due.at >= until)) return { conversation: current, events };
    const fired = fire(current, due, due.at, rules);
    current = fired.conversation;
    events.push(fired.event);
  }
}
