/** The part of profile LULL's policy that the model knows; durations are milliseconds. */
export type ModelPolicy = {
  autoClose: boolean;
  autoCloseAfterMs: number;
  inactivate: boolean;
  inactivateAfterMs: number;
  endInactive: boolean;
  endInactiveAfterMs: number;
  endUnanswered: boolean;
  endUnansweredAfterMs: number;
  reopenWithinMs: number;
};
export type PolicySwitch = 'autoClose' | 'inactivate' | 'endInactive' | 'endUnanswered';
/** What a layer sets; null unsets. */
export type LayerChange = { [field in keyof ModelPolicy]?: ModelPolicy[field] | null };

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** What the profile says. */
const DEFAULTS: ModelPolicy = {
  autoClose: true,
  autoCloseAfterMs: 90 * DAY,
  inactivate: false,
  inactivateAfterMs: 30 * MINUTE,
  endInactive: true,
  endInactiveAfterMs: 24 * HOUR,
  endUnanswered: true,
  endUnansweredAfterMs: 48 * HOUR,
  reopenWithinMs: 4 * DAY,
};
const SWITCHES: PolicySwitch[] = ['autoClose', 'inactivate', 'endInactive', 'endUnanswered'];

/** An account's policy layers: the account's own (null) and its skills'. */
export function createPolicies(skillIds: readonly string[], startMs: number) {
  const layers = new Map<string | null, LayerChange>();
  const enabledSince = new Map<string, number>();
  let changedAt = startMs;

  function policyOf(skillId: string | null): ModelPolicy {
    const set = [layers.get(null), skillId === null ? {} : layers.get(skillId)].map((layer) =>
      Object.fromEntries(Object.entries(layer ?? {}).filter(([, value]) => value !== null)),
    );
    return Object.assign({}, DEFAULTS, ...set);
  }

  return {
    policyOf,
    /** When the policy last changed. */
    changedAt: () => changedAt,
    /** When a switch last went from off to on for a skill: clocks from before that do not count (SP-6). */
    enabledSince: (skillId: string | null, field: PolicySwitch) =>
      enabledSince.get(`${skillId} ${field}`) ?? Number.NEGATIVE_INFINITY,

    set(skillId: string | null, change: LayerChange, now: number): void {
      const places = [null, ...skillIds];
      const before = new Map(places.map((place) => [place, policyOf(place)]));
      layers.set(skillId, { ...layers.get(skillId), ...change });
      for (const place of places)
        for (const field of SWITCHES)
          if (policyOf(place)[field] && !before.get(place)?.[field])
            enabledSince.set(`${place} ${field}`, now);
      changedAt = now;
    },
  };
}
