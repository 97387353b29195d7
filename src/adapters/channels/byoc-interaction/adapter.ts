import { z } from 'zod';
import { ownWireChannel, ownWireRules, ownWireSettings, STANDARD_WEBHOOKS } from '../../shared/own-wire.ts';
import { parseInteractions } from './parse.ts';

/**
 * Bring your own channel to Salesforce: the platform forwards the bodies that it exchanges with Salesforce's Interaction
 * Service unchanged, signed by Standard Webhooks. Messages to the customer use Lull's own wire format.
 */
export default ownWireChannel({
  id: 'byoc-interaction',
  name: 'Bring your own channel, Salesforce interactions',
  signing: STANDARD_WEBHOOKS,
  settings: ownWireSettings(STANDARD_WEBHOOKS).extend({
    channelAddress: z
      .string()
      .min(1)
      .max(240)
      .describe("The channel's address identifier at Salesforce. Events about other channels are ignored"),
  }),
  rules: ownWireRules,
  parse: (body, { channelAddress }) => parseInteractions(body, channelAddress),
});
