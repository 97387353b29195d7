import type { ServerResponse } from 'node:http';
import type { Config } from '../config.ts';
import { sendError, sendUnavailable } from './answer.ts';
import { watchEventLoop } from './event-loop.ts';

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

/**
 * The door to the work: so many requests are within at a time, so many wait for their turn, 5 s at most, and all
 * others are answered 503 with Retry-After, before anything was read or changed for them.
 */
export type Door = {
  /**
   * Waits for a request's turn. What it returns is to be called once its work is done, and may be called again. Null
   * where it has been answered, or its caller hung up. One that takes over 30 s is answered 504, and stays within.
   */
  enter(response: ServerResponse): Promise<(() => void) | null>;
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
  /** In the order in which they came. */
  const waiting = new Set<{ letIn: () => void }>();
  let within = 0;
  const isBehind = () => eventLoop.delayMs() > maxDelayMs;

  function refuse(response: ServerResponse, refusal: Refusal): void {
    refused(refusal);
    sendBusy(response);
  }

  function letIn(response: ServerResponse): () => void {
    within++;
    const tooLong = setTimeout(sendTooLong, answerWithinMs, response);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      within--;
      clearTimeout(tooLong);
      const [next] = waiting;
      next?.letIn();
    };
  }

  function waitForTurn(response: ServerResponse): Promise<(() => void) | null> {
    return new Promise((resolve) => {
      const settle = (answer: (() => void) | null) => {
        waiting.delete(turn);
        clearTimeout(patience);
        response.off('close', hangUp);
        resolve(answer);
      };
      const turn = { letIn: () => settle(letIn(response)) };
      const hangUp = () => settle(null);
      const patience = setTimeout(() => {
        settle(null);
        refuse(response, 'waited');
      }, waitMs);
      response.once('close', hangUp);
      waiting.add(turn);
    });
  }

  return {
    refuse,
    refused,
    isBehind,
    async enter(response) {
      if (response.destroyed) return null;
      if (isBehind()) refuse(response, 'event_loop');
      else if (within < requestsAtOnce) return letIn(response);
      else if (waiting.size < requestsWaiting) return await waitForTurn(response);
      else refuse(response, 'full');
      return null;
    },
    load: () => ({ requests: within, waiting: waiting.size }),
    close: () => eventLoop.stop(),
  };
}

/** Does work when its turn has come. Null where the request has been answered instead, or its caller hung up. */
export async function inTurn<Done>(
  door: Door,
  response: ServerResponse,
  work: () => Promise<Done>,
): Promise<{ done: Done } | null> {
  const leave = await door.enter(response);
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
