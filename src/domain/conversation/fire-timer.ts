import type { AccountRules } from '../policy/account-rules.ts';
import { type Due, nextDue, type Timer } from '../time/timers.ts';
import { type ClockName, type Conversation, type Ending, factsOf, type LaneFacts } from './conversation.ts';
import type { Event } from './event.ts';

/**
 * What a timer makes of every conversation of its lane: their new facts (null: ended) and what becomes of
 * their clocks, none of which ever goes back. The wake writes it for a whole batch, `fire` for one conversation
 * in memory.
 */
export type Firing = {
  facts: LaneFacts | null;
  /** NOW: the instant it acts; CLOCK: the value of the clock it fired on; NONE: unset. */
  clocks: Partial<Record<ClockName, 'NOW' | 'CLOCK' | 'NONE'>>;
  /** Whether it loses its agent. */
  freesAgent: boolean;
  /** A tag that it gets; null: none. */
  tag: string | null;
};

/**
 * A timer that does not end stamps the clock it fired on, or moves the stage, so it cannot fire twice. Where the clock of
 * inactivity starts again, the reminders do (PE-2).
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
          // A NEW one has this clock even while the agent is awaited (LL-8).
          ...(facts.awaiting === 'CONSUMER' || facts.status === 'NEW' ? { awaitingSince: 'CLOCK' } : {}),
        },
      };
  }
}

/** Whole milliseconds an automatic end came after the earliest instant it could have come (LL-13). */
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
    // A late release does not undo what moved a clock since.
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

/** What `advance` did: the conversation as it then stands, and each firing's event with its due instant. */
export type Advance = { conversation: Conversation; events: Event[] };

/**
 * Lets time run on in memory: every timer that falls due before `until` acts at its due instant, the earliest
 * first. What is due exactly at `until` does not act: an activity of that very instant wins.
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
