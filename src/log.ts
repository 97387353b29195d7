import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from 'pino';
import type { Config } from './config.ts';
import { escapeUnseen } from './domain/text.ts';
import { redactText, redactValue } from './log-redaction.ts';

/** The log, one JSON object a line. */
export type Log = Logger;

/** Names of fields whose values never reach the log, wherever in the logged object they stand. */
const SECRETS = [
  ...['password', 'secret', 'token', 'apiKey', 'authorization', 'cookie', 'signature'],
  ...['accessToken', 'apiToken', 'appSecret', 'authToken', 'botToken', 'secretToken', 'verifyToken'],
];
const DEPTHS = ['', '*.', '*.*.', '*.*.*.'];

/** A password inside a URL, as in the messages of connection errors. */
const PASSWORD_IN_URL = /(\w+:\/\/[^\s:/@"]*):[^\s/"]*@/g;

/**
 * The log of this process, without secrets and without customers' addresses, whoever writes to it. It goes to stderr: stdout is for
 * results.
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
      // Errors have been made what they are to be by then.
      serializers: { err: (error) => error },
      formatters: { log: (logged) => redactValue(logged) as Record<string, unknown> },
      hooks: {
        logMethod(given, method) {
          const [first, ...rest] = given as [unknown, ...unknown[]];
          const logged = first instanceof Error ? { err: first } : first;
          // Without a message of its own, a line would get that of its error as it is.
          const isBare =
            rest.length === 0 && typeof logged === 'object' && logged !== null && 'err' in logged;
          const all = [logged, ...(isBare ? ['failed'] : rest)];
          const redacted = all.map((each) => (typeof each === 'string' ? redactText(each) : each));
          method.apply(this, redacted as Parameters<typeof method>);
        },
        // Of JSON, the escapes stand for the same characters; the line's own end stays.
        streamWrite: (line) => escapeUnseen(line.replace(PASSWORD_IN_URL, '$1:[redacted]@'), '\n'),
      },
    },
    to,
  );
}
