import type { LayerFault } from '../domain/errors.ts';
import type { AccountRules } from '../domain/policy/account-rules.ts';
import type { ChannelRules } from '../domain/policy/channel-rules.ts';
import type { Layer, PolicyField, Profile } from '../domain/policy/policy.ts';

/** The rules of a channel's adapter; null for the whole account. */
export function rulesOn(rules: AccountRules, channelId: string | null): ChannelRules | null {
  return channelId === null ? null : (rules.channels.get(channelId)?.rules ?? null);
}

/**
 * The layers that switch on two fields that the profile excludes together (SF-3). The fault names the field that
 * is in `written`.
 */
export function exclusionsIn(
  profile: Profile,
  layers: readonly Layer[],
  written: readonly Layer[],
): LayerFault[] {
  const isOn = (field: PolicyField, among: readonly Layer[]) =>
    among.find(({ fields }) => fields[field] === true);
  return profile.excludes.flatMap(([one, other]) => {
    if (!isOn(one, layers) || !isOn(other, layers)) return [];
    const at = isOn(one, written) ?? isOn(other, written);
    const [field, against] = at && at === isOn(one, written) ? [one, other] : [other, one];
    const { channelId = null, skillId = null } = at ?? {};
    return [{ channelId, skillId, field, allowed: `only false is allowed while ${against} is on` }];
  });
}
