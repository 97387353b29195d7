import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from 'pino';
import type { Config } from './config.ts';
import { escapeUnseen } from './domain/text.ts';
import { redactText, redactValue } from './log-redaction.ts';

/** The log, with one JSON object a line. */
export type Log = Logger;

/** Names of fields whose values are never logged, at any depth. */
const SECRETS = [
  ...['password', 'secret', 'token', 'apiKey', 'authorization', 'cookie', 'signature'],
  ...['accessToken', 'apiToken', 'appSecret', 'authToken', 'botToken', 'secretToken', 'verifyToken'],
];
const DEPTHS = ['', '*.', '*.*.', '*.*.*.'];

/** A password inside a URL, as in messages of connection errors. */
const PASSWORD_IN_URL = /(\w+:\/\/[^\s:/@"]*):[^\s/"]*@/g;

/**
 * The log of this process, without secrets and without addresses of customers, whoever writes to it. It goes to
 * stderr, because stdout is for results.
 */
export function createLog(
  config: Pick<Config, 'logLevel'>,
  to: DestinationStream = destination({ dest: 2, sync: true }),
): Log {
  return pino(
    {
      level: config.logLevel,
      base: { pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      redact: {
        paths: DEPTHS.flatMap((depth) => SECRETS.map((name) => `${depth}${name}`)),
        censor: '[redacted]',
      },
      // Errors have been redacted before.
      serializers: { err: (error) => error },
      formatters: { log: (logged) => redactValue(logged) as Record<string, unknown> },
      hooks: {
        logMethod(given, method) {
          const [first, ...rest] = given as [unknown, ...unknown[]];
          const logged = first instanceof Error ? { err: first } : first;
          // A line without a message of its own would otherwise get the unredacted message of its error.
          const isBare =
            rest.length === 0 && typeof logged === 'object' && logged !== null && 'err' in logged;
          const all = [logged, ...(isBare ? ['failed'] : rest)];
          const redacted = all.map((each) => (typeof each === 'string' ? redactText(each) : each));
          method.apply(this, redacted as Parameters<typeof method>);
        },
        // The escapes mean the same characters in JSON. The end of the line stays.
        streamWrite: (line) => escapeUnseen(line.replace(PASSWORD_IN_URL, '$1:[redacted]@'), '\n'),
      },
    },
    to,
  );
}
