import type { Action } from '../../src/domain/conversation/activity.ts';
import type { OpenStatus } from '../../src/domain/conversation/conversation.ts';
import type { TimerKind } from '../../src/domain/policy/channel-rules.ts';
import { act, clocksAt, type Done, type Moment, type State } from './model-acts.ts';
import { createPolicies, type PolicySwitch } from './model-policy.ts';

export type ModelActivity = { address: string; action: Action; at: number; messageId: string };
/** One line of its history: when it happened, when it was acted on, and, where it was reopened, whether to its last agent. */
type Entry = { at: number; now: number; did: Action | TimerKind; wasTaken: boolean | null };
export type ModelConversation = { state: State; log: Entry[] };
type Timer = { kind: TimerKind; dueAt: number; ends: boolean };

const PROTECT_MS = 90 * 86_400_000;
const REASONS: { [kind in TimerKind]?: string } = {
  AUTO_CLOSE: 'AUTO_CLOSE',
  END_INACTIVE: 'INACTIVE',
  END_UNANSWERED: 'UNANSWERED',
  PROTECT: 'PROTECTION',
};

/** Whether two states agree in all that timers go by. */
function isSamePlace(a: State, b: State): boolean {
  const place = ({ end, agentId, newestAt, placedAt, ...rest }: State) =>
    JSON.stringify(rest, Object.keys(rest).sort());
  return place(a) === place(b);
}

/**
 * What Lull has to do, once more and much smaller: profile LULL on one channel where all time counts, in
 * memory, without lanes. Written from the design's tables and not from the code; instants and durations are
 * milliseconds. It does not decide when a wake comes: it is told which timers acted, and says whether they might.
 * `freeAgents`: who is online and under capacity.
 */
export function createModel(skillIds: readonly string[], freeAgents: ReadonlySet<string>, startMs: number) {
  const contacts = new Map<string, ModelConversation[]>();
  const seen = new Set<string>();
  const { policyOf, enabledSince, changedAt, set } = createPolicies(skillIds, startMs);

  function timersOf(state: State): Timer[] {
    const policy = policyOf(state.skillId);
    const timers: Timer[] = [];
    const put = (kind: TimerKind, clock: number | null, afterMs: number, since = 0) => {
      if (clock !== null && clock >= since)
        timers.push({ kind, dueAt: clock + afterMs, ends: REASONS[kind] !== undefined });
    };
    const since = (field: PolicySwitch) => enabledSince(state.skillId, field);
    const { status, awaiting, promised, lastActivityAt, awaitingSince, statusSince } = state;
    if (status === 'ENDED') return [];
    if (state.held) put('RELEASE_HOLD', state.heldUntil, 0);
    else {
      const isQuiet = (status === 'WAITING' || status === 'ACTIVE') && awaiting === 'CONSUMER';
      if (policy.autoClose && isQuiet && !promised)
        put('AUTO_CLOSE', lastActivityAt, policy.autoCloseAfterMs, since('autoClose'));
      if (policy.inactivate && isQuiet && status === 'ACTIVE')
        put('INACTIVATE', awaitingSince, policy.inactivateAfterMs, since('inactivate'));
      if (policy.endInactive && status === 'INACTIVE')
        put('END_INACTIVE', statusSince, policy.endInactiveAfterMs, since('endInactive'));
      if (policy.endUnanswered && status === 'NEW')
        put('END_UNANSWERED', awaitingSince, policy.endUnansweredAfterMs, since('endUnanswered'));
    }
    put('PROTECT', lastActivityAt, PROTECT_MS);
    return timers;
  }

  const momentOf = ({ at, now }: Entry, state: State | null, isAgentFree: boolean): Moment => {
    const { reopenWithinMs } = policyOf(state?.skillId ?? null);
    return { at, now, isAgentFree, reopenWithinMs };
  };

  function fire(state: State, timer: Timer, now: number): State {
    if (timer.ends) {
      const latenessMs = Math.max(0, now - Math.max(timer.dueAt, changedAt(), state.placedAt));
      const end = { at: now, reason: REASONS[timer.kind] as string, former: state.status as OpenStatus };
      return { ...state, status: 'ENDED', placedAt: now, end: { ...end, latenessMs } };
    }
    if (timer.kind === 'INACTIVATE')
      return { ...state, status: 'INACTIVE', statusSince: now, awaitingSince: now, placedAt: now };
    return { ...state, ...clocksAt(state, timer.dueAt), held: false, heldUntil: null, placedAt: now };
  }

  /**
   * A late activity: the whole history once more, in its true order. Null where a timer acted by other rules,
   * it would be refused, or it would have led to another conversation or another end.
   */
  function refolded({ state: before, log }: ModelConversation, late: Entry): State | null {
    if (log.some(({ did, at }) => typeof did === 'string' && at < changedAt())) return null;
    let state: State | null = null;
    for (const entry of [...log, late].sort((a, b) => a.at - b.at)) {
      const { at, did } = entry;
      if (typeof did === 'string') {
        const timers: Timer[] = state ? timersOf(state) : [];
        const timer = timers.find(({ kind, dueAt }) => kind === did && dueAt <= at);
        if (state && timer) state = fire(state, timer, at);
        continue;
      }
      // What is in its history was said to it, and an agent can't write to what has ended.
      const isLost = state?.status === 'ENDED' && did.kind === 'OUTBOUND';
      // Where nobody knows who was free then, whoever has it now has kept it.
      const isTaken: boolean = entry.wasTaken ?? state?.agentId === before.agentId;
      const done: Done = isLost ? null : act(state, did, momentOf(entry, state, isTaken));
      if ((!done && entry === late) || (done?.is === 'NEW' && state !== null)) return null;
      if (done) state = done.state;
    }
    if (state === null || state.status === 'ENDED') return null;
    // What was recorded under other rules keeps its effect on this clock.
    if (!log.some(({ now }) => now < changedAt())) return state;
    return { ...state, lastActivityAt: Math.max(state.lastActivityAt, before.lastActivityAt) };
  }

  /** Applies an activity; the answer is what a client is told. */
  function deliver({ address, action, at: saidAt, messageId }: ModelActivity, now: number) {
    if (seen.has(messageId)) return 'DUPLICATE';
    const own = contacts.get(address) ?? [];
    const latest = own.at(-1);
    const before = latest?.state ?? null;
    const at = Math.min(saidAt, now);
    const isAgentFree = before?.agentId != null && freeAgents.has(before.agentId);
    const entry: Entry = { at, now, did: action, wasTaken: null };
    const isLate = before !== null && before.status !== 'ENDED' && at < before.newestAt;
    const inPlace = latest && isLate ? refolded(latest, entry) : null;
    const done: Done = inPlace
      ? { state: inPlace }
      : act(before, action, momentOf(entry, before, isAgentFree));
    if (!done) return 'REFUSED';
    seen.add(messageId);
    if (done.is === 'REOPENED') entry.wasTaken = done.state.status === 'ACTIVE';
    if (latest && before && done.is !== 'NEW') {
      const state = { ...done.state, newestAt: Math.max(at, before.newestAt) };
      latest.state = { ...state, placedAt: isSamePlace(before, state) ? before.placedAt : now };
      latest.log.push(entry);
    } else contacts.set(address, [...own, { state: done.state, log: [entry] }]);
    return 'APPLIED';
  }

  /** A timer acted. @throws where it may not: too early, twice, or where an end is due */
  function acted(conversation: ModelConversation, kind: TimerKind, now: number): void {
    const due = timersOf(conversation.state).filter((each) => each.dueAt <= now);
    const timer = due.find((each) => each.kind === kind);
    const isPassedOver = (each: Timer) =>
      (each.ends && !timer?.ends) || (each.kind === 'AUTO_CLOSE' && kind === 'PROTECT');
    if (!timer || due.some(isPassedOver))
      throw new Error(
        `${kind} acted at ${now}, due is ${JSON.stringify(due)}: ${JSON.stringify(conversation)}`,
      );
    conversation.state = fire(conversation.state, timer, now);
    conversation.log.push({ at: now, now, did: kind, wasTaken: null });
  }

  /** The instant at which the next timer of a conversation is due; Infinity with none. */
  const dueAt = (state: State) => Math.min(...timersOf(state).map((timer) => timer.dueAt));

  return { contacts, setPolicy: set, deliver, acted, dueAt };
}
