import { z } from 'zod';
import { defineAdapter } from '../../adapter.ts';
import { broughtClosing, broughtSettings, deliverToBrought, isBroughtCall } from '../../shared/own-wire.ts';
import byoc from '../byoc/adapter.ts';
import { parseInteractions } from './parse.ts';

/**
 * Bring your own channel to Salesforce: the platform passes on, as they are, the bodies that it exchanges with
 * Salesforce's Interaction Service, signed by Standard Webhooks. What Lull has to show goes to the platform over
 * Lull's own wire.
 */
export default defineAdapter({
  id: 'byoc-interaction',
  name: 'Bring your own channel, Salesforce interactions',
  settings: broughtSettings.extend({
    channelAddress: z
      .string()
      .min(1)
      .max(240)
      .describe("The channel's address identifier at Salesforce; calls about others are ignored"),
  }),
  rules: byoc.rules,
  sendsBy: 'deliverUrl',
  closing: (context) => broughtClosing(context, byoc.rules.textLimits.closeMessage),
  inbound: {
    verify: isBroughtCall,
    parse: (request, { settings }) => parseInteractions(request.body, settings.channelAddress),
  },
  deliver: deliverToBrought,
});
