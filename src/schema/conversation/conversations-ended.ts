import type { StoredConversation } from '../../db/rows/conversations.ts';
import { NotFoundError } from '../../domain/errors.ts';
import { builder } from '../core/builder.ts';
import { decodeGiven } from '../core/ids.ts';
import { Conversation } from './conversation.ts';
import { streamChanges } from './subscription-stream.ts';

/** Ends that are remembered so that none is sent twice; beyond that the oldest are forgotten. */
const MAX_REMEMBERED = 10_000;

builder.subscriptionField('conversationsEnded', (t) =>
  t.field({
    type: [Conversation],
    description:
      'Conversations that have just ended, by a timer or a command: up to 500 in one event. Code NOT_FOUND if a channel or skill is unknown.',
    args: {
      channelId: t.arg.id({
        description: 'The id of a channel: only its conversations. Default: all channels.',
      }),
      skillId: t.arg.id({
        description: 'The id of a skill: only its conversations. Default: any skill, or none.',
      }),
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
      return await streamChanges(
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

/** Makes the test for new ends since an instant. A later change of an ended conversation, such as a comment, is none. */
function newEnds(since: Date): (conversation: StoredConversation) => boolean {
  const seen = new Map<string, number>();
  return ({ id, ending }) => {
    if (ending === null || ending.at < since || seen.get(id) === ending.at.getTime()) return false;
    seen.set(id, ending.at.getTime());
    const [oldest] = seen.keys();
    if (seen.size > MAX_REMEMBERED && oldest !== undefined) seen.delete(oldest);
    return true;
  };
}
