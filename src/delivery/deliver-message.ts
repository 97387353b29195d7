import type { MessagePayload } from '../domain/closing/owed-effects.ts';
import { closingNow, readSituation, type SituationDeps, whyNoWarning } from './closing-now.ts';
import type { CarryOut } from './effect-result.ts';
import { finishMessage } from './finish-message.ts';
import { planClosing, stepOf } from './plan-closing.ts';
import { type SendDeps, sendMessage } from './send-message.ts';

/** The dependencies of sending to customers. */
export type DeliverDeps = SituationDeps & SendDeps;

/** The text of a warning. */
const WARNING = 'Are you still there? This conversation will close soon.';
const GONE_ON = 'the conversation has gone on since';

/**
 * Shows a customer a warning (PE-2), or one part of a closing (LL-14); a closing is first planned. Every attempt checks
 * consent, reply window and conversation anew. The feed records the outcome of each part.
 */
export function deliverMessage(deps: DeliverDeps): CarryOut<MessagePayload> {
  return async (effect, passage = { isOverdue: false }) => {
    const { payload } = effect;
    const situation = await readSituation(deps, effect);
    if (situation === null) return { state: 'DROPPED', error: 'the contact is gone' };
    const isOf = (closing: string) => situation.conversation.ending?.at.toISOString() === closing;
    switch (payload.kind) {
      case 'WARNING': {
        const reason = whyNoWarning(deps, situation, payload.reminder);
        if (reason !== null)
          return await finishMessage(deps, effect, { state: 'DROPPED', part: 'WARNING', reason });
        return await sendMessage(deps, effect, { situation, passage }, { kind: 'WARNING', text: WARNING });
      }
      case 'CLOSING':
        if (!isOf(payload.closing)) return { state: 'DROPPED', error: GONE_ON };
        return await planClosing(deps, { ...effect, payload }, closingNow(deps, situation));
      case 'PART': {
        const { part, closing } = payload;
        const { content, reason } = isOf(closing)
          ? stepOf(closingNow(deps, situation), part, situation.contact.locale)
          : { content: null, reason: GONE_ON };
        if (content === null) return await finishMessage(deps, effect, { state: 'DROPPED', part, reason });
        return await sendMessage(deps, effect, { situation, passage }, content);
      }
      default:
        return payload satisfies never;
    }
  };
}
