import type { ServerResponse } from 'node:http';
import type { Config } from '../config.ts';
import { openFairQueue } from '../domain/fair-queue.ts';
import { watchEventLoop } from './event-loop.ts';
import { sendError, sendUnavailable } from './respond.ts';

/** How much a process takes on at a time. */
export type DoorLimits = Pick<Config, 'requestsAtOnce' | 'requestsWaiting' | 'maxDelayMs'> & {
  /** How long a request waits for its turn at most. */
  waitMs?: number;
  /** After this long a request is answered in any case. */
  answerWithinMs?: number;
};

/**
 * Why a request was not let in. `full`: as many wait as may; `waited`: its turn did not come in time; `event_loop`: the
 * process is behind with everything; `memory`: too much has been sent that is still to be read.
 */
export const REFUSALS = ['full', 'waited', 'event_loop', 'memory'] as const;
export type Refusal = (typeof REFUSALS)[number];

/** To be called once a request's work is done; it may be called again. */
export type Leave = (() => void) & {
  /** Gives its place to the next, while it waits for another one elsewhere; it is still to be answered in time. */
  stepAside(): void;
};

/**
 * The door to the work: so many requests are within at a time, so many wait for their turn, 5 s at most, and all
 * others are answered 503 with Retry-After, before anything was read or changed for them. Accounts take turns, and one
 * has at most half of the places, within as well as waiting; callers who are not known yet count as one without a share.
 */
export type Door = {
  /**
   * Waits for a request's turn, among those of its account where that is known. Null where it has been answered, or its
   * caller hung up. One that takes over 30 s is answered 504, and stays within.
   */
  enter(response: ServerResponse, accountId?: string): Promise<Leave | null>;
  /** Answers a request 503, and when to try again. */
  refuse(response: ServerResponse, refusal: Refusal): void;
  /** Takes note of a request that was answered 503 elsewhere. */
  refused(refusal: Refusal): void;
  /** Whether the process is behind with everything, and takes on nothing new. */
  isBehind(): boolean;
  /** Requests within, and those that wait for their turn. */
  load(): { requests: number; waiting: number };
  close(): void;
};

/** Longer than this nobody waits; callers who do not know better give up after 10 s or more. */
const WAIT_MS = 5_000;
/** A statement is given 10 s, and a call up to three of them. */
const ANSWER_WITHIN_MS = 30_000;
/** Callers of whom it is still to be found out who they are: each takes a moment only. */
const NOT_KNOWN = '';
/** Those who were refused together are not to come back together: after 1 s to so many. */
const RETRY_WITHIN_S = 5;

/** Opens the door; `refused` is told of each request that was not let in. */
export function openDoor(
  {
    requestsAtOnce,
    requestsWaiting,
    maxDelayMs,
    waitMs = WAIT_MS,
    answerWithinMs = ANSWER_WITHIN_MS,
  }: DoorLimits,
  refused: (refusal: Refusal) => void = () => {},
): Door {
  const eventLoop = watchEventLoop();
  const waiting = openFairQueue<() => void>();
  const withinOf = new Map<string, number>();
  const [placesOfOne, waitingOfOne] = [Math.ceil(requestsAtOnce / 2), Math.ceil(requestsWaiting / 2)];
  let within = 0;
  const isBehind = () => eventLoop.delayMs() > maxDelayMs;

  function refuse(response: ServerResponse, refusal: Refusal): void {
    refused(refusal);
    sendBusy(response);
  }

  const mayEnter = (party: string) => party === NOT_KNOWN || (withinOf.get(party) ?? 0) < placesOfOne;
  const mayWait = (party: string) =>
    waiting.size() < requestsWaiting && (party === NOT_KNOWN || waiting.size(party) < waitingOfOne);

  function letIn(response: ServerResponse, party: string): Leave {
    within++;
    withinOf.set(party, (withinOf.get(party) ?? 0) + 1);
    const tooLong = setTimeout(sendTooLong, answerWithinMs, response);
    let isWithin = true;
    const stepAside = () => {
      if (!isWithin) return;
      isWithin = false;
      within--;
      const own = (withinOf.get(party) ?? 1) - 1;
      if (own > 0) withinOf.set(party, own);
      else withinOf.delete(party);
      waiting.next(mayEnter)?.();
    };
    const leave = () => {
      clearTimeout(tooLong);
      stepAside();
    };
    return Object.assign(leave, { stepAside });
  }

  function waitForTurn(response: ServerResponse, party: string): Promise<Leave | null> {
    return new Promise((resolve) => {
      const settle = (answer: Leave | null) => {
        waiting.remove(party, takeTurn);
        clearTimeout(patience);
        response.off('close', hangUp);
        resolve(answer);
      };
      const takeTurn = () => settle(letIn(response, party));
      const hangUp = () => settle(null);
      const patience = setTimeout(() => {
        settle(null);
        refuse(response, 'waited');
      }, waitMs);
      response.once('close', hangUp);
      waiting.add(party, takeTurn);
    });
  }

  return {
    refuse,
    refused,
    isBehind,
    async enter(response, party = NOT_KNOWN) {
      if (response.destroyed) return null;
      if (isBehind()) refuse(response, 'event_loop');
      else if (within < requestsAtOnce && mayEnter(party)) return letIn(response, party);
      else if (mayWait(party)) return await waitForTurn(response, party);
      else refuse(response, 'full');
      return null;
    },
    load: () => ({ requests: within, waiting: waiting.size() }),
    close: () => eventLoop.stop(),
  };
}

/** Does work when its turn has come. Null where the request has been answered instead, or its caller hung up. */
export async function inTurn<Done>(
  door: Door,
  response: ServerResponse,
  work: () => Promise<Done>,
  accountId?: string,
): Promise<{ done: Done } | null> {
  const leave = await door.enter(response, accountId);
  if (leave === null) return null;
  try {
    return { done: await work() };
  } finally {
    leave();
  }
}

/** Answers that there is no room just now, and when to try again. */
function sendBusy(response: ServerResponse): void {
  if (response.headersSent || response.destroyed) return;
  const retryAfterSeconds = 1 + Math.floor(Math.random() * RETRY_WITHIN_S);
  const message = `too much to do just now; nothing was done: try again in ${retryAfterSeconds} s`;
  sendUnavailable(response, message, retryAfterSeconds);
}

function sendTooLong(response: ServerResponse): void {
  if (response.headersSent || response.destroyed) return;
  const message =
    'no answer in time; whether it was carried out is not known: make the same call again, with the same ids and keys';
  sendError(response, 504, 'TIMEOUT', message);
}
