import type { Action } from '../../src/domain/conversation/activity.ts';
import type { Awaiting, OpenStatus, Status } from '../../src/domain/conversation/conversation.ts';

type End = { at: number; reason: string; former: OpenStatus; latenessMs: number | null };
/** A conversation, as far as the model knows it; instants are milliseconds. */
export type State = {
  status: Status;
  awaiting: Awaiting;
  agentId: string | null;
  skillId: string | null;
  held: boolean;
  heldUntil: number | null;
  promised: boolean;
  lastActivityAt: number;
  awaitingSince: number | null;
  statusSince: number;
  /** Of the newest activity; an older one is late. */
  newestAt: number;
  /** When it last got a clock or facts that its timers go by. */
  placedAt: number;
  end: End | null;
};
/** What an activity makes of a conversation, or of none; null: it is refused. */
export type Done = { state: State; is?: 'NEW' | 'REOPENED' | 'REVOKED' } | null;

/** When an activity happened and is acted on, and what holds then. */
export type Moment = {
  at: number;
  now: number;
  /** Whether the last agent is online and under capacity. */
  isAgentFree: boolean;
  /** How long after its end this conversation is reopened. */
  reopenWithinMs: number;
};

const DAY = 86_400_000;
const WROTE = {
  awaiting: 'AGENT',
  awaitingSince: null,
  held: false,
  heldUntil: null,
  promised: false,
} as const;
const REOPENED = { end: null, held: false, heldUntil: null } as const;

/** Every clock that is set moves to an instant, unless it is past it. */
export function clocksAt({ lastActivityAt, statusSince, awaitingSince }: State, instant: number) {
  return {
    lastActivityAt: Math.max(lastActivityAt, instant),
    statusSince: Math.max(statusSince, instant),
    awaitingSince: awaitingSince === null ? null : Math.max(awaitingSince, instant),
  };
}

/** What an activity does to a conversation (the tables of states and of resets). */
export function act(before: State | null, action: Action, moment: Moment): Done {
  if (before === null || before.status === 'ENDED') return arrive(before, action, moment);
  const { at, now } = moment;
  const to = (status: Status, changes: Partial<State> = {}): Done => ({
    state: { ...before, ...changes, status, ...(status === before.status ? {} : { statusSince: now }) },
  });
  const { status } = before;
  const moved = { lastActivityAt: Math.max(before.lastActivityAt, at) };
  switch (action.kind) {
    case 'INBOUND': {
      const agentId = status === 'INACTIVE' ? null : before.agentId;
      const released = before.held ? { statusSince: now } : {};
      const wrote: Partial<State> = { ...moved, ...released, ...WROTE, agentId };
      if (status === 'NEW') return to(agentId ? 'ACTIVE' : 'WAITING', wrote);
      return to(status === 'INACTIVE' ? 'WAITING' : status, wrote);
    }
    case 'OUTBOUND': {
      if (action.sender !== 'AGENT') return to(status);
      const anew =
        before.status === 'INACTIVE' ? Math.max(at, before.awaitingSince ?? at) : before.awaitingSince;
      const awaitingSince = before.awaiting === 'AGENT' ? at : anew;
      const wrote = { ...moved, awaiting: 'CONSUMER', awaitingSince } as const;
      if (status === 'WAITING') return to('ACTIVE', { ...wrote, agentId: action.agentId ?? null });
      return to(status === 'INACTIVE' ? 'ACTIVE' : status, wrote);
    }
    case 'COMMENT':
      return to(status);
    case 'ASSIGN':
      return to(status === 'WAITING' ? 'ACTIVE' : status, { agentId: action.agentId });
    case 'TO_QUEUE':
      if (status === 'NEW') return to('NEW', moved);
      return to('WAITING', { ...moved, agentId: null });
    case 'SKILL':
      return to(status, { skillId: action.skillId });
    case 'MANUAL_RESPONSE_TIME':
      return to(status, { promised: action.responseAt !== null });
    case 'HOLD':
      if (action.until !== null && action.until.getTime() <= now) return null;
      return to(status, { held: true, heldUntil: action.until?.getTime() ?? null });
    case 'RELEASE':
      return before.held ? to(status, { held: false, heldUntil: null, ...clocksAt(before, now) }) : null;
    case 'INACTIVATE':
      return status === 'NEW' || status === 'WAITING' ? null : to('INACTIVE');
    case 'END':
      return to('ENDED', { end: { at: now, reason: 'COMMAND', former: status, latenessMs: null } });
    default:
      return null;
  }
}

/** An activity without an open conversation: revoke, else reopen, else a new one. */
function arrive(last: State | null, action: Action, moment: Moment): Done {
  const { at, now, isAgentFree, reopenWithinMs } = moment;
  if (action.kind === 'COMMENT') return last && { state: last };
  if (action.kind === 'REOPEN') {
    if (!last) return null;
    const status = last.agentId ? 'ACTIVE' : 'WAITING';
    return {
      state: { ...last, ...REOPENED, ...clocksAt(last, now), status, statusSince: now },
      is: 'REOPENED',
    };
  }
  if (action.kind !== 'INBOUND' && action.kind !== 'OUTBOUND') return null;
  if (action.kind === 'INBOUND' && last?.end) {
    const { end } = last;
    const lastActivityAt = Math.max(last.lastActivityAt, at);
    if (end.latenessMs !== null && at <= end.at && now - end.at <= DAY) {
      const revived = act({ ...last, status: end.former, end: null }, action, moment);
      return revived && { state: { ...revived.state, statusSince: now }, is: 'REVOKED' };
    }
    if (reopenWithinMs > 0 && at - end.at <= reopenWithinMs) {
      const agentId = isAgentFree ? last.agentId : null;
      const status = agentId ? 'ACTIVE' : 'WAITING';
      const state: State = {
        ...last,
        ...WROTE,
        ...REOPENED,
        agentId,
        status,
        statusSince: now,
        lastActivityAt,
      };
      return { state, is: 'REOPENED' };
    }
  }
  const byCustomer = action.kind === 'INBOUND';
  return {
    is: 'NEW',
    state: {
      ...{ ...WROTE, ...REOPENED, agentId: null, skillId: action.skillId ?? null },
      status: byCustomer ? 'WAITING' : 'NEW',
      awaiting: byCustomer ? 'AGENT' : 'CONSUMER',
      awaitingSince: byCustomer ? null : at,
      ...{ lastActivityAt: at, statusSince: now, newestAt: at, placedAt: now },
    },
  };
}
