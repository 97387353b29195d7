import { z } from 'zod';
import type { ChannelRules } from '../../domain/policy/channel-rules.ts';
import { parseDuration } from '../../domain/time/duration.ts';

/** The tier of a messaging channel, for profiles of sessions (SF-1). */
export const tier = z
  .enum(['standard', 'enhanced'])
  .default('enhanced')
  .describe('The tier of the channel. Sessions on a standard channel end only unanswered or by opting out');

/**
 * The rules of a messaging channel by the setting `tier`. Neither tier has a customer inactivity timeout (SF-2). The
 * standard tier has no INACTIVE sessions and ends unanswered ones within 24 h (SF-9).
 */
export function tiered(base: ChannelRules): {
  rules: ChannelRules;
  variants: { setting: 'tier'; of: Record<'standard' | 'enhanced', ChannelRules> };
} {
  const enhanced: ChannelRules = {
    ...base,
    bounds: { ...base.bounds, INACTIVATE: null },
    sessions: { tier: 'ENHANCED', agentInitiated: true },
  };
  const standard: ChannelRules = {
    ...enhanced,
    bounds: {
      ...enhanced.bounds,
      END_INACTIVE: null,
      END_UNANSWERED: { min: parseDuration('PT1M', 'min'), max: parseDuration('PT24H', 'max') },
    },
    sessions: { tier: 'STANDARD', agentInitiated: true },
  };
  return { rules: enhanced, variants: { setting: 'tier', of: { standard, enhanced } } };
}
