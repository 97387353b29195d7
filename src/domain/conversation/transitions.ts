import type { Status } from './conversation.ts';

/** The triggers of status changes. */
export const TRIGGERS = [
  'CONSUMER_MESSAGE',
  'AGENT_MESSAGE',
  'AUTOMATED_MESSAGE',
  'ASSIGN',
  'TO_QUEUE',
  'INACTIVATE',
  'END',
  'REOPEN',
  'HOLD_OR_RELEASE',
  'SKILL_OR_PROMISE',
  'NOTE',
] as const;
export type Trigger = (typeof TRIGGERS)[number];

/**
 * The effect of a trigger in a status. A status: it changes to it. `=`: it stays. `WAITING_OR_ACTIVE`: ACTIVE if
 * an agent is assigned. `WAITING_OR_AGENT`: WAITING without an agent or, with status-based capacity, ACTIVE with
 * its agent (SF-7). `WHEN_INACTIVE`: ACTIVE or, if the policy says so, another conversation (SF-6). `ARRIVAL`: the
 * rules for a message without an open conversation. `RECORDED`: only recorded in the feed. `ERROR`: refused.
 */
export type Move =
  | Status
  | '='
  | 'WAITING_OR_ACTIVE'
  | 'WAITING_OR_AGENT'
  | 'WHEN_INACTIVE'
  | 'ARRIVAL'
  | 'RECORDED'
  | 'ERROR';

/**
 * The table of transitions. REOPEN is the command. SKILL_OR_PROMISE stands for changes of skill and manual
 * response times. NOTE stands for everything that is only observed: comment, tag, case status, reader, transcript,
 * receipt, client.
 */
export const TRANSITIONS: Readonly<Record<Trigger, Readonly<Record<Status, Move>>>> = {
  CONSUMER_MESSAGE: {
    NEW: 'WAITING_OR_ACTIVE',
    WAITING: '=',
    ACTIVE: '=',
    INACTIVE: 'WAITING_OR_AGENT',
    ENDED: 'ARRIVAL',
  },
  AGENT_MESSAGE: { NEW: '=', WAITING: 'ACTIVE', ACTIVE: '=', INACTIVE: 'WHEN_INACTIVE', ENDED: 'ARRIVAL' },
  AUTOMATED_MESSAGE: { NEW: '=', WAITING: '=', ACTIVE: '=', INACTIVE: '=', ENDED: 'ARRIVAL' },
  ASSIGN: { NEW: '=', WAITING: 'ACTIVE', ACTIVE: '=', INACTIVE: '=', ENDED: 'ERROR' },
  TO_QUEUE: { NEW: '=', WAITING: '=', ACTIVE: 'WAITING', INACTIVE: 'WAITING', ENDED: 'ERROR' },
  INACTIVATE: { NEW: 'ERROR', WAITING: 'ERROR', ACTIVE: 'INACTIVE', INACTIVE: '=', ENDED: 'ERROR' },
  END: { NEW: 'ENDED', WAITING: 'ENDED', ACTIVE: 'ENDED', INACTIVE: 'ENDED', ENDED: 'ERROR' },
  REOPEN: {
    NEW: 'ERROR',
    WAITING: 'ERROR',
    ACTIVE: 'ERROR',
    INACTIVE: 'ERROR',
    ENDED: 'WAITING_OR_ACTIVE',
  },
  HOLD_OR_RELEASE: { NEW: '=', WAITING: '=', ACTIVE: '=', INACTIVE: '=', ENDED: 'ERROR' },
  SKILL_OR_PROMISE: { NEW: '=', WAITING: '=', ACTIVE: '=', INACTIVE: '=', ENDED: 'ERROR' },
  NOTE: { NEW: '=', WAITING: '=', ACTIVE: '=', INACTIVE: '=', ENDED: 'RECORDED' },
};
