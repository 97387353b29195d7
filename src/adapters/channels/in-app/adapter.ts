import { z } from 'zod';
import { type ClosingContext, closingFrom, isTimersEnd, silence } from '../../../domain/closing/closing.ts';
import {
  configuredClosing,
  LULL_SIGNATURE,
  type OwnWireSettings,
  ownWireChannel,
  ownWireRules,
  ownWireSettings,
} from '../../shared/own-wire.ts';

type Settings = OwnWireSettings & { assumeVersion?: string | undefined };

/**
 * Chat inside an app, over Lull's own wire format. If the profile says so, an automatic close is silent from SDK 2.1 on
 * (LP-2); an older SDK shows what it is configured to show (LP-9).
 */
export default ownWireChannel({
  id: 'in-app',
  name: 'In-app chat',
  signing: LULL_SIGNATURE,
  settings: ownWireSettings(LULL_SIGNATURE).extend({
    assumeVersion: z
      .string()
      .max(100)
      .regex(/^\d+(\.\d+)*$/, 'a version such as 2.0: numbers with dots between them')
      .optional()
      .describe(
        'The SDK version of clients that have reported none, such as 2.0. Default: the newest, which is at or above every bound',
      ),
  }),
  rules: ownWireRules,
  closing: (context: ClosingContext<Settings>) =>
    closingFrom(
      context,
      context.silentAutomaticEnds && isTimersEnd(context.endReason) && closesSilently(context)
        ? silence('an automatic close is silent from SDK 2.1 on')
        : configuredClosing(context, [true, 'the client draws a separator']),
    ),
});

/** Whether the SDK closes silently: 2.1 and above. Without any version it is the newest (LP-2, LP-9). */
function closesSilently({ clientVersion, settings }: ClosingContext<Settings>): boolean {
  const version = clientVersion || settings.assumeVersion;
  if (version === undefined) return true;
  const [, major, minor] = /^v?(\d+)(?:\.(\d+))?(?![\w])/.exec(version) ?? [];
  if (major === undefined) return false;
  return Number(major) > 2 || (Number(major) === 2 && Number(minor ?? 0) >= 1);
}
