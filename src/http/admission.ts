import type { ServerResponse } from 'node:http';
import type { Config } from '../config.ts';
import { openFairQueue } from '../domain/fair-queue.ts';
import { watchEventLoop } from './event-loop.ts';
import { sendError, sendUnavailable } from './respond.ts';

/** How much work a process accepts. */
export type AdmissionLimits = Pick<Config, 'requestsAtOnce' | 'requestsWaiting' | 'maxDelayMs'> & {
  /** How long a request waits for admission at most. */
  waitMs?: number;
  /** The time after which a request is answered in any case. */
  answerWithinMs?: number;
};

/**
 * Why a request was refused. `full`: too many wait; `waited`: it was not admitted in time; `event_loop`: the
 * process is overloaded; `memory`: too many bodies are being read.
 */
export const REFUSALS = ['full', 'waited', 'event_loop', 'memory'] as const;
export type Refusal = (typeof REFUSALS)[number];

/** Must be called when a request's work is done; it can be called repeatedly. */
export type Leave = (() => void) & {
  /** Gives the request's place to the next one while it waits elsewhere. Its time limit continues. */
  stepAside(): void;
};

/**
 * Admission control: a limited number of requests runs, a limited number waits for up to 5 s, and all others are
 * answered 503 with Retry-After before anything was done for them. Accounts take turns, and one account has at
 * most half of the running and of the waiting requests. Callers who are not authenticated yet count as one without
 * a share.
 */
export type Admission = {
  /**
   * Waits for the admission of a request, by account if that is known. Null if the request was answered instead,
   * or its caller disconnected. A request that takes longer than 30 s is answered 504 and keeps its place.
   */
  enter(response: ServerResponse, accountId?: string): Promise<Leave | null>;
  /** Answers a request 503 with Retry-After. */
  refuse(response: ServerResponse, refusal: Refusal): void;
  /** Counts a request that was answered 503 elsewhere. */
  refused(refusal: Refusal): void;
  /** Whether the process is overloaded and accepts nothing new. */
  isBehind(): boolean;
  /** The running and the waiting requests. */
  load(): { requests: number; waiting: number };
  close(): void;
};

/** The longest wait. Clients without a setting of their own give up after 10 s or more. */
const WAIT_MS = 5_000;
/** A statement may take 10 s, and a call may need up to three. */
const ANSWER_WITHIN_MS = 30_000;
/** The party of callers who are not authenticated yet. It has no share, because each takes only a moment. */
const NOT_KNOWN = '';
/** Refused requests are told to return after 1 s to this long, so that they do not return together. */
const RETRY_WITHIN_S = 5;

/** Opens admission control. `refused` is called for each refused request. */
export function openAdmission(
  { requestsAtOnce, maxDelayMs, ...limits }: AdmissionLimits,
  refused: (refusal: Refusal) => void = () => {},
): Admission {
  const eventLoop = watchEventLoop();
  const waiting = openFairQueue<() => void>();
  const places = openPlaces(requestsAtOnce, (mayEnter) => waiting.next(mayEnter)?.());
  const { requestsWaiting, waitMs = WAIT_MS, answerWithinMs = ANSWER_WITHIN_MS } = limits;
  const admit = (response: ServerResponse, party: string) =>
    leaveOf(places.take(party), setTimeout(sendTooLong, answerWithinMs, response));
  const isBehind = () => eventLoop.delayMs() > maxDelayMs;
  const mayWait = (party: string) =>
    waiting.size() < requestsWaiting &&
    (party === NOT_KNOWN || waiting.size(party) < Math.ceil(requestsWaiting / 2));

  function refuse(response: ServerResponse, refusal: Refusal): void {
    refused(refusal);
    sendBusy(response);
  }

  function waitForTurn(response: ServerResponse, party: string): Promise<Leave | null> {
    return new Promise((resolve) => {
      const settle = (answer: Leave | null) => {
        waiting.remove(party, takeTurn);
        clearTimeout(timeout);
        response.off('close', disconnect);
        resolve(answer);
      };
      const takeTurn = () => settle(admit(response, party));
      const disconnect = () => settle(null);
      const timeout = setTimeout(() => {
        settle(null);
        refuse(response, 'waited');
      }, waitMs);
      response.once('close', disconnect);
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
      else if (places.isFree(party)) return admit(response, party);
      else if (mayWait(party)) return await waitForTurn(response, party);
      else refuse(response, 'full');
      return null;
    },
    load: () => ({ requests: places.taken(), waiting: waiting.size() }),
    close: () => eventLoop.stop(),
  };
}

function leaveOf(stepAside: () => void, timeout: NodeJS.Timeout): Leave {
  const leave = () => {
    clearTimeout(timeout);
    stepAside();
  };
  return Object.assign(leave, { stepAside });
}

/**
 * The places of running requests, half of them for one party at most. `freed` is called when a place is free again, with the
 * condition on the party that may take it.
 */
function openPlaces(most: number, freed: (mayEnter: (party: string) => boolean) => void) {
  const takenBy = new Map<string, number>();
  let taken = 0;
  const mayEnter = (party: string) => party === NOT_KNOWN || (takenBy.get(party) ?? 0) < Math.ceil(most / 2);

  return {
    taken: () => taken,
    isFree: (party: string) => taken < most && mayEnter(party),
    /** Takes a place; returns the function that frees it, which can be called repeatedly. */
    take(party: string): () => void {
      taken++;
      takenBy.set(party, (takenBy.get(party) ?? 0) + 1);
      let isTaken = true;
      return () => {
        if (!isTaken) return;
        isTaken = false;
        taken--;
        const own = (takenBy.get(party) ?? 1) - 1;
        if (own > 0) takenBy.set(party, own);
        else takenBy.delete(party);
        freed(mayEnter);
      };
    },
  };
}

/** Runs work after admission. Null if the request was answered instead, or its caller disconnected. */
export async function inTurn<Done>(
  admission: Admission,
  response: ServerResponse,
  work: () => Promise<Done>,
  accountId?: string,
): Promise<{ done: Done } | null> {
  const leave = await admission.enter(response, accountId);
  if (leave === null) return null;
  try {
    return { done: await work() };
  } finally {
    leave();
  }
}

/** Answers 503 with Retry-After. */
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
