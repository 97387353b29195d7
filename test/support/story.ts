import type { Action, Command } from '../../src/domain/conversation/activity.ts';
import { type Conversation, isOpen } from '../../src/domain/conversation/conversation.ts';
import { decide } from '../../src/domain/conversation/decide.ts';
import type { Event } from '../../src/domain/conversation/event.ts';
import { advance } from '../../src/domain/conversation/fire-timer.ts';
import {
  type LateActivities,
  openLateActivities,
} from '../../src/domain/conversation/insert-late-activity.ts';
import type { DecideContext, Outcome } from '../../src/domain/conversation/outcome.ts';
import type { AccountRules } from '../../src/domain/policy/account-rules.ts';
import { at, contactWith, rulesWith } from './domain.ts';

/** Inserts one late activity into a conversation of which nothing was replayed before. */
export const insertLate: LateActivities['insert'] = (...late) => openLateActivities().insert(...late);

/** What happened, and when. */
export type Told = { action: Action; sent: Date };
/** A contact's conversation as it comes to be when things are told in some order; the clock stands unless it is moved. */
export type Story = { conversation: Conversation | null; events: Event[]; last: Outcome | null };

/** When stories are told, unless something else is said. */
export const EVENING = at('20:00');

/** Tells one thing, late or not, just as the engine would. */
export function tell(story: Story, told: Told, now = EVENING, rules = rulesWith()): Story {
  const context: DecideContext = {
    rules,
    now,
    newId: () => 'conversation',
    isAvailable: () => false,
    history: [],
  };
  const command: Command = { action: told.action, at: told.sent, messageId: null, byId: false };
  const state = contactWith(story.conversation);
  const { conversation: subject } = story;
  const isLate = subject !== null && isOpen(subject) && command.at < subject.newestAt;
  const outcome =
    (isLate ? insertLate(state, command, { ...context, history: story.events }) : null) ??
    decide(state, command, context);
  if (outcome.kind !== 'applied') return { ...story, last: outcome };
  return { conversation: outcome.conversation, events: [...story.events, outcome.event], last: outcome };
}
/** Lets the timers act up to an instant. */
export function letTimeRun(story: Story, until: Date, rules: AccountRules): Story {
  if (story.conversation === null) return story;
  const advanced = advance(story.conversation, until, rules);
  return { ...story, conversation: advanced.conversation, events: [...story.events, ...advanced.events] };
}

/** How every story begins. */
export const NOTHING: Story = { conversation: null, events: [], last: null };
/** Tells one thing after another, all at one instant. */
export const tellAll = (all: readonly Told[], now = EVENING) =>
  all.reduce((story, told) => tell(story, told, now), NOTHING);
