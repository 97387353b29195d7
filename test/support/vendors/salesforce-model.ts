/** What profile SALESFORCE has to do, from the rows SF-1 to SF-14 and nothing else. Instants and durations are in ms. */
export type Agent = 'ann' | 'bob';
export type Said = 'hello' | 'STOP' | 'START';
export type Answer = 'APPLIED' | 'REFUSED' | 'IGNORED';
type Session = {
  status: 'NEW' | 'WAITING' | 'ACTIVE' | 'INACTIVE' | 'ENDED';
  agent: Agent | null;
  /** The agent's first message after the customer's last one (SF-4); null: there is none yet. */
  awaitedSince: number | null;
  inactiveSince: number;
  end: { at: number; reason: string } | null;
};
/** Somebody on a channel, with their sessions, each linked to the one before it. */
type Customer = { channel: Channel; sessions: Session[]; optedOut: boolean };

const [MINUTE, HOUR] = [60_000, 3_600_000];
/** SF-1, SF-2, SF-6, SF-9: what differs between channels. */
export const MODEL_CHANNELS = {
  'web chat': { standard: false, hasTimeout: true, agentsBegin: false },
  'in-app chat': { standard: false, hasTimeout: true, agentsBegin: true },
  sms: { standard: false, hasTimeout: false, agentsBegin: true },
  'standard sms': { standard: true, hasTimeout: false, agentsBegin: true },
};
export type Channel = keyof typeof MODEL_CHANNELS;

export function createSalesforceModel() {
  const customers = new Map<string, Customer>();
  /** SF-2: off by default. `since`: when it was last switched on, before which no clock counts (SP-6). */
  const timeouts = new Map<Channel, { afterMs: number; since: number }>();
  const account = { statusBasedCapacity: false, sessionLongevity: false, manualInactivation: true };
  const all = () => [...customers.values()].flatMap((each) => each.sessions.map((of) => ({ ...each, of })));

  function customer(channel: Channel, name: string): Customer {
    const known = customers.get(`${channel} ${name}`) ?? { channel, sessions: [], optedOut: false };
    customers.set(`${channel} ${name}`, known);
    return known;
  }
  const open = ({ sessions }: Customer) => sessions.find(({ end }) => end === null);
  function end(session: Session, at: number, reason: string) {
    Object.assign(session, { status: 'ENDED', end: { at, reason } });
  }
  function begin(who: Customer, status: 'NEW' | 'WAITING', now: number): Session {
    const awaitedSince = status === 'NEW' ? now : null;
    who.sessions.push({ status, agent: null, awaitedSince, inactiveSince: 0, end: null });
    return who.sessions.at(-1) as Session;
  }

  /** SF-5, SF-8, SF-9: when time alone changes a session next. */
  function dueAt({ channel, of }: { channel: Channel; of: Session }): number {
    const timeout = timeouts.get(channel);
    const { status, awaitedSince } = of;
    if (status === 'INACTIVE') return of.inactiveSince + 24 * HOUR;
    if (awaitedSince === null) return Number.POSITIVE_INFINITY;
    if (status === 'NEW') return awaitedSince + (MODEL_CHANNELS[channel].standard ? 24 : 48) * HOUR;
    if (status === 'ACTIVE' && timeout && awaitedSince >= timeout.since)
      return awaitedSince + timeout.afterMs;
    return Number.POSITIVE_INFINITY;
  }

  return {
    customers,
    latest: (channel: Channel, name: string) => customer(channel, name).sessions.at(-1),
    nextDue: () => Math.min(...all().map(dueAt)),

    /** SF-7, SF-11, SF-14. */
    customerSays(channel: Channel, name: string, said: Said, now: number): Answer {
      const who = customer(channel, name);
      const session = open(who);
      if (said === 'STOP') {
        who.optedOut = true;
        if (session) end(session, now, 'OPT_OUT');
        else if (who.sessions.length === 0) end(begin(who, 'WAITING', now), now, 'OPT_OUT');
        return 'APPLIED';
      }
      if (said === 'START') who.optedOut = false;
      if (!session) begin(who, 'WAITING', now);
      else {
        session.awaitedSince = null;
        if (session.status === 'NEW') session.status = session.agent ? 'ACTIVE' : 'WAITING';
        if (session.status === 'INACTIVE') {
          const stays = account.statusBasedCapacity && session.agent !== null;
          Object.assign(session, stays ? { status: 'ACTIVE' } : { status: 'WAITING', agent: null });
        }
      }
      return 'APPLIED';
    },
    /** SF-4, SF-6, SF-9. */
    agentSays(channel: Channel, name: string, agent: Agent, now: number): Answer {
      const who = customer(channel, name);
      const session = open(who);
      if (session && session.status !== 'INACTIVE') {
        session.awaitedSince ??= now;
        if (session.status === 'WAITING') Object.assign(session, { status: 'ACTIVE', agent });
        return 'APPLIED';
      }
      if (!MODEL_CHANNELS[channel].agentsBegin || who.optedOut) return 'REFUSED';
      if (session) end(session, now, 'SUPERSEDED');
      begin(who, 'NEW', now);
      return 'APPLIED';
    },
    /** SF-10, SF-13. */
    machineSays(channel: Channel, name: string, now: number): Answer {
      const who = customer(channel, name);
      if (open(who)) return 'APPLIED';
      const { agentsBegin, standard } = MODEL_CHANNELS[channel];
      if (!agentsBegin || who.optedOut) return 'REFUSED';
      const session = begin(who, 'NEW', now);
      if (!standard && !account.sessionLongevity) end(session, now, 'NOTIFICATION');
      return 'APPLIED';
    },
    /** SF-12, SF-1. */
    inactivate(channel: Channel, name: string, now: number): Answer {
      const session = open(customer(channel, name));
      const isAllowed = account.manualInactivation && !MODEL_CHANNELS[channel].standard;
      if (!isAllowed || !session || !['ACTIVE', 'INACTIVE'].includes(session.status)) return 'REFUSED';
      if (session.status === 'ACTIVE') Object.assign(session, { status: 'INACTIVE', inactiveSince: now });
      return 'APPLIED';
    },
    assign(channel: Channel, name: string, agent: Agent): Answer {
      const session = open(customer(channel, name));
      if (session) Object.assign(session, { agent }, session.status === 'WAITING' && { status: 'ACTIVE' });
      return session ? 'APPLIED' : 'REFUSED';
    },
    endByHand(channel: Channel, name: string, now: number): Answer {
      const session = open(customer(channel, name));
      if (session) end(session, now, 'COMMAND');
      return session ? 'APPLIED' : 'REFUSED';
    },
    /** SF-2, SF-3; null: off. */
    setTimeout(channel: Channel, minutes: number | null, now: number): Answer {
      const isPossible = MODEL_CHANNELS[channel].hasTimeout && !account.statusBasedCapacity;
      if (minutes !== null && (!isPossible || minutes < 5 || minutes > 30)) return 'REFUSED';
      const since = timeouts.get(channel)?.since ?? now;
      if (minutes === null) timeouts.delete(channel);
      else timeouts.set(channel, { afterMs: minutes * MINUTE, since });
      return 'APPLIED';
    },
    setAccount(change: Partial<typeof account>): Answer {
      const isPossible = !change.statusBasedCapacity || timeouts.size === 0;
      if (isPossible) Object.assign(account, change);
      return isPossible ? 'APPLIED' : 'REFUSED';
    },
    /** Time alone changes what is due by now. */
    tick(now: number) {
      for (const each of all()) {
        if (dueAt(each) > now) continue;
        if (each.of.status === 'ACTIVE') Object.assign(each.of, { status: 'INACTIVE', inactiveSince: now });
        else end(each.of, now, each.of.status === 'NEW' ? 'UNANSWERED' : 'INACTIVE');
      }
    },
  };
}
