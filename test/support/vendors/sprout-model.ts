/** What profile SPROUT has to do, from the rows SP-1 to SP-13 and nothing else. Instants and durations are in ms. */
export type Queue = 'sales' | null;
export type CaseStatus = 'open' | 'solved' | null;
export type Agent = 'ann' | 'bob';
/** What a layer sets: the account's (null) or a queue's; absent: inherited. */
export type Fields = { on?: boolean; afterMs?: number; picked?: CaseStatus[] | null; windowMs?: number };
type Case = {
  queue: Queue;
  agent: Agent | null;
  caseStatus: CaseStatus;
  lastActivityAt: number;
  end: { at: number; credit: Agent | null; by: 'TIMER' | 'HAND' | 'OPT_OUT' } | null;
};

const HOUR = 3_600_000;
const DEFAULTS: Required<Fields> = {
  on: false,
  afterMs: 7 * 24 * HOUR,
  picked: null,
  windowMs: 4 * 24 * HOUR,
};
const PLACES: { queue: Queue; caseStatus: CaseStatus }[] = ([null, 'sales'] as const).flatMap((queue) =>
  ([null, 'open', 'solved'] as const).map((caseStatus) => ({ queue, caseStatus })),
);

/** An account with cases by the address of their customer, the oldest first. */
export function createSproutModel() {
  const cases = new Map<string, Case[]>();
  const layers = new Map<Queue, Fields>();
  const enabledAt = new Map<string, number>();
  const people = { ann: { online: true, capacity: 1e9 }, bob: { online: true, capacity: 1e9 } };
  const all = () => [...cases.values()].flat();
  const latest = (address: string) => cases.get(address)?.at(-1);
  const open = (address: string) => {
    const last = latest(address);
    return last && !last.end ? last : null;
  };
  const policyOf = (queue: Queue): Required<Fields> => ({
    ...DEFAULTS,
    ...layers.get(null),
    ...layers.get(queue),
  });
  const isOn = ({ queue, caseStatus }: Pick<Case, 'queue' | 'caseStatus'>) => {
    const { on, picked } = policyOf(queue);
    return on && (picked === null || (caseStatus !== null && picked.includes(caseStatus)));
  };
  const nameOf = ({ queue, caseStatus }: Pick<Case, 'queue' | 'caseStatus'>) => `${queue} ${caseStatus}`;

  /** SP-1, SP-6: the threshold after the last counted activity, unless that was before the enabling. */
  function dueAt(each: Case): number {
    const since = enabledAt.get(nameOf(each)) ?? 0;
    if (each.end || !isOn(each) || each.lastActivityAt < since) return Number.POSITIVE_INFINITY;
    return each.lastActivityAt + policyOf(each.queue).afterMs;
  }

  function isFree(agent: Agent): boolean {
    const has = all().filter((each) => !each.end && each.agent === agent).length;
    return people[agent].online && has < people[agent].capacity;
  }

  return {
    cases,
    open,
    latest,
    /** When the next one is due; Infinity with none. */
    nextDue: () => Math.min(...all().map(dueAt)),

    /** SP-7: an inbound message; `optsOut` ends what is open, for good. */
    inbound(address: string, now: number, queue: Queue, optsOut: boolean) {
      const last = latest(address);
      if (last && !last.end) {
        if (optsOut) last.end = { at: now, credit: last.agent, by: 'OPT_OUT' };
        else last.lastActivityAt = now;
        return;
      }
      const windowMs = last ? policyOf(last.queue).windowMs : 0;
      const isWithin = windowMs > 0 && last?.end && now - last.end.at <= windowMs;
      if (last?.end && isWithin && last.end.by !== 'OPT_OUT') {
        const agent = last.agent !== null && isFree(last.agent) ? last.agent : null;
        Object.assign(last, { end: null, agent, lastActivityAt: now });
      } else {
        const begun: Case = { queue, agent: null, caseStatus: null, lastActivityAt: now, end: null };
        cases.set(address, [...(cases.get(address) ?? []), begun]);
      }
    },
    /** An agent writes: nobody's case becomes theirs. */
    outbound(each: Case, agent: Agent, now: number) {
      each.agent ??= agent;
      each.lastActivityAt = now;
    },
    status(each: Case, caseStatus: CaseStatus, now: number) {
      each.caseStatus = caseStatus;
      each.lastActivityAt = now;
    },
    /** SP-8. */
    endByHand(each: Case, now: number) {
      each.end = { at: now, credit: each.agent, by: 'HAND' };
    },
    /** SP-2 to SP-4, SP-13; null unsets. What goes on by it counts from now only (SP-6). */
    set(queue: Queue, change: { [Field in keyof Fields]: Fields[Field] | null }, now: number) {
      const before = new Map(PLACES.map((place) => [nameOf(place), isOn(place)]));
      const layer: Record<string, unknown> = { ...layers.get(queue) };
      for (const [field, value] of Object.entries(change))
        if (value === null && field !== 'picked') delete layer[field];
        else layer[field] = value;
      layers.set(queue, layer as Fields);
      for (const place of PLACES)
        if (isOn(place) && !before.get(nameOf(place))) enabledAt.set(nameOf(place), now);
    },
    person(agent: Agent, online: boolean, capacity: number) {
      people[agent] = { online, capacity };
    },
    /** Time runs from one instant to another: what is due closes when it is due, or at once (SP-10). */
    run(from: number, to: number) {
      for (const each of all()) {
        const due = dueAt(each);
        if (due <= to) each.end = { at: Math.max(due, from), credit: each.agent, by: 'TIMER' };
      }
    },
  };
}
