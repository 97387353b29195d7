/**
 * LivePerson's automatic close once more, from the rows LP-1 to LP-13 alone and sharing nothing with the code:
 * plain objects, no lanes, no database. Instants and durations are milliseconds. It closes everything at the
 * earliest instant at which it may be closed.
 */
export type Chat = {
  customer: string;
  /** Its place among the customer's; the one before it is what it is linked to. */
  number: number;
  linkedTo: number | null;
  /** Whether the customer ever wrote in it; until then it is the business's own. */
  isCustomers: boolean;
  agent: string | null;
  skill: string | null;
  awaits: 'CONSUMER' | 'AGENT';
  isPromised: boolean;
  isExempt: boolean;
  lastActivity: number;
  end: { by: string; at: number; why: string } | null;
};
/** What somebody does. */
export type Deed =
  | { by: 'CONSUMER'; skill: string | null }
  | { by: 'BOT'; skill: string | null }
  | { by: 'AGENT'; agent: string; skill: string | null }
  | { meta: 'READER' | 'CASE_STATUS' | 'TAG' | 'TO_QUEUE' }
  | { meta: 'EXEMPT' | 'PROMISE'; on: boolean }
  | { meta: 'ASSIGN'; agent: string }
  | { meta: 'SKILL'; skill: string | null }
  | { looks: 'TRANSCRIPT' | 'COMMENT' }
  | { ends: 'AGENT' | 'CUSTOMER' | 'SUPERVISOR' };

const PROTECTION = 90 * 86_400_000;

export function createLivePersonModel(start: number) {
  let now = start;
  /** By skill; null is the account's own (LP-4, LP-5). */
  const thresholds = new Map<string | null, number>([[null, PROTECTION]]);
  let promisesExempt = true;
  const chats: Chat[] = [];

  const latestOf = (customer: string) => chats.findLast((chat) => chat.customer === customer);

  function begin(customer: string, isCustomers: boolean, skill: string | null): Chat {
    const before = latestOf(customer);
    const chat: Chat = {
      ...{ customer, number: (before?.number ?? 0) + 1, linkedTo: before?.number ?? null },
      ...{ isCustomers, agent: null, skill, awaits: isCustomers ? 'AGENT' : 'CONSUMER' },
      ...{ isPromised: false, isExempt: false, lastActivity: now, end: null },
    };
    chats.push(chat);
    return chat;
  }

  /** When it closes by itself, and why (LP-1, LP-6, LP-7, LP-11). */
  function closing(chat: Chat): { at: number; why: string } {
    const isKept = chat.awaits === 'AGENT' || (chat.isPromised && promisesExempt) || chat.isExempt;
    const threshold = thresholds.get(chat.skill) ?? thresholds.get(null) ?? PROTECTION;
    return isKept
      ? { at: chat.lastActivity + PROTECTION, why: 'PROTECTION' }
      : { at: chat.lastActivity + threshold, why: 'AUTO_CLOSE' };
  }

  /** Time passes; what falls due meanwhile closes at its instant, what is overdue already closes at once (LP-8). */
  function passTo(instant: number): void {
    for (const chat of chats) {
      const { at, why } = closing(chat);
      if (chat.end === null && at <= instant) chat.end = { by: 'SYSTEM', at: Math.max(at, now), why };
    }
    now = instant;
  }

  function act(customer: string, deed: Deed): void {
    const latest = latestOf(customer);
    const open = latest && latest.end === null ? latest : undefined;
    if ('by' in deed) {
      if (deed.by === 'CONSUMER') {
        // LP-3 speaks of messages after the close: one of that very instant is none, and the chat goes on.
        const goesOn = latest?.end?.by === 'SYSTEM' && latest.end.at === now ? latest : open;
        const chat = goesOn ?? begin(customer, true, deed.skill);
        Object.assign(chat, { isCustomers: true, awaits: 'AGENT', isPromised: false, end: null });
        chat.lastActivity = now;
        return;
      }
      const chat = open ?? begin(customer, false, deed.skill);
      if (deed.by === 'BOT') return;
      chat.awaits = 'CONSUMER';
      chat.lastActivity = now;
      if (chat.isCustomers) chat.agent ??= deed.agent;
      return;
    }
    if (!open || 'looks' in deed) return;
    if ('ends' in deed) {
      open.end = { by: deed.ends, at: now, why: 'COMMAND' };
      return;
    }
    // LP-12, LP-13: every metadata change resets, and none says anything of who is awaited.
    open.lastActivity = now;
    if (deed.meta === 'TO_QUEUE' && open.isCustomers) open.agent = null;
    if (deed.meta === 'ASSIGN') open.agent = deed.agent;
    if (deed.meta === 'SKILL') open.skill = deed.skill;
    if (deed.meta === 'PROMISE') open.isPromised = deed.on;
    if (deed.meta === 'EXEMPT') open.isExempt = deed.on;
  }

  /** A chat as others see it. */
  function shown({ isCustomers, isExempt, ...chat }: Chat) {
    const status = !isCustomers ? 'NEW' : chat.agent === null ? 'WAITING' : 'ACTIVE';
    return { ...chat, status: chat.end ? 'ENDED' : status };
  }

  return {
    chats,
    passTo,
    act,
    shown,
    /** When the next one closes; Infinity if none is open. */
    nextClose: () => Math.min(...chats.filter(({ end }) => !end).map((chat) => closing(chat).at)),
    setThreshold(skill: string | null, after: number | null): void {
      if (after !== null) thresholds.set(skill, after);
      else if (skill === null) thresholds.set(null, PROTECTION);
      else thresholds.delete(skill);
      passTo(now);
    },
    setPromisesExempt(on: boolean): void {
      promisesExempt = on;
      passTo(now);
    },
  };
}
