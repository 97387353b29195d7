import type { StoredConversation } from '../../db/rows/conversations.ts';
import { NotFoundError } from '../../domain/errors.ts';
import { builder } from '../core/builder.ts';
import { decodeGiven } from '../core/ids.ts';
import { Conversation } from './conversation.ts';
import { changes } from './subscription-stream.ts';

/** Ends remembered so as not to be told twice; beyond, the oldest are forgotten. */
const REMEMBERED = 10_000;

builder.subscriptionField('conversationsEnded', (t) =>
  t.field({
    type: [Conversation],
    description:
      'Conversations that have just ended, by a timer or by anybody: those that ended together come together, at most 500.',
    args: {
      channelId: t.arg.id({ description: 'Only on this channel; absent: on all.' }),
      skillId: t.arg.id({ description: 'Only with this skill; absent: with any, or none.' }),
    },
    async subscribe(_root, args, context) {
      const { load, deps } = context;
      const channelId = decodeGiven('Channel', args.channelId, 'channelId');
      const skillId = decodeGiven('Skill', args.skillId, 'skillId');
      const [channel, skill] = await Promise.all([load.channel(channelId), load.skill(skillId)]);
      if (channelId !== null && channel === null) throw new NotFoundError('channelId', 'channel');
      if (skillId !== null && skill === null) throw new NotFoundError('skillId', 'skill');
      const isNew = newEnds(deps.clock.now());
      const isWanted = (conversation: StoredConversation) =>
        (channelId === null || conversation.channelId === channelId) &&
        (skillId === null || conversation.skillId === skillId) &&
        isNew(conversation);
      return await changes(
        context,
        () => true,
        (conversations) => {
          const ended = conversations.filter(isWanted);
          return ended.length > 0 ? [ended] : [];
        },
      );
    },
    resolve: (conversations) => conversations,
  }),
);

/** Tells an end since an instant from a change that found the conversation ended, such as a comment. */
function newEnds(since: Date): (conversation: StoredConversation) => boolean {
  const told = new Map<string, number>();
  return ({ id, ending }) => {
    if (ending === null || ending.at < since || told.get(id) === ending.at.getTime()) return false;
    told.set(id, ending.at.getTime());
    const [oldest] = told.keys();
    if (told.size > REMEMBERED && oldest !== undefined) told.delete(oldest);
    return true;
  };
}
