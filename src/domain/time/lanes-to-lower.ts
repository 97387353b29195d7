import { type Conversation, clocksOf, type LaneFacts } from '../conversation/conversation.ts';
import { type AccountRules, settingsFor } from '../policy/account-rules.ts';
import { SWITCHES, type SwitchField } from '../policy/policy.ts';

/** A lane must be lowered for a clock older than this. Settling allows for younger ones. */
const OLD_MS = 10_000;
const SWITCH_FIELDS = Object.keys(SWITCHES) as SwitchField[];

type Placed = Conversation & { laneId: string | null };
/** A lane whose `wake_at` and `floor` must not be later than these. */
export type Lowering = { laneId: string; wakeAt: Date; floor: Date };

/**
 * The lanes whose `wake_at` must be lowered, because a conversation enters with an old clock, or one of its clocks moves so
 * that it may fall due sooner. Every clock counts that any timer uses: the rules may have changed when this commits.
 */
export function lanesToLower(
  rows: readonly Placed[],
  before: ReadonlyMap<string, Placed>,
  facts: ReadonlyMap<string, LaneFacts>,
  { rules, now }: { rules: AccountRules; now: Date },
): Lowering[] {
  const lowest = new Map<string, Lowering>();
  const lower = (laneId: string, wakeAt: Date, floor: Date) => {
    const known = lowest.get(laneId);
    lowest.set(laneId, {
      laneId,
      wakeAt: earlier(known?.wakeAt, wakeAt),
      floor: earlier(known?.floor, floor),
    });
  };
  const sincesOf = new Map<string, Date[]>();
  for (const row of rows) {
    const own = facts.get(row.id);
    if (!own || row.laneId === null) continue;
    const former = before.get(row.id);
    const hasEntered = former?.laneId !== row.laneId;
    const sinces = sincesOf.get(row.laneId) ?? enabledSinces(rules, own);
    sincesOf.set(row.laneId, sinces);
    for (const name of clocksOf(own)) {
      const clock = row[name];
      if (clock === null) continue;
      if (!hasEntered && !isSooner(former?.[name] ?? null, clock, sinces)) continue;
      // The end of a hold is in the future, so the last activity gives the floor.
      if (name === 'heldUntil') lower(row.laneId, clock, row.lastActivityAt);
      else if (now.getTime() - clock.getTime() > OLD_MS) lower(row.laneId, now, clock);
    }
  }
  return [...lowest.values()];
}

/**
 * Whether a clock that moved within its lane may fall due sooner: it went back, or it passed the instant at which a timer was
 * enabled, before which it did not count (SP-6).
 */
function isSooner(was: Date | null, is: Date, sinces: readonly Date[]): boolean {
  if (was === null || is < was) return true;
  return sinces.some((since) => was < since && since <= is);
}

/** When the switches of a lane's policy were last turned on. Switches that were always on are left out. */
function enabledSinces(rules: AccountRules, { channelId, skillId, caseStatus }: LaneFacts): Date[] {
  const { enabledSince } = settingsFor(rules, channelId, skillId);
  return SWITCH_FIELDS.map((field) => enabledSince(field, caseStatus)).filter((since) => since !== null);
}

function earlier(a: Date | undefined, b: Date): Date {
  return a !== undefined && a < b ? a : b;
}
