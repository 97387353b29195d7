/**
 * All errors that clients can get. Each has a stable `code` and the fields that help to correct the call. Any
 * other exception is a bug: it is logged, and the client gets a masked error.
 */
export class LullError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.name = new.target.name;
    this.code = code;
  }
}

/** A value in the wrong format. `allowed` describes the right one. */
export class InvalidInputError extends LullError {
  readonly field: string;
  readonly allowed: string;
  constructor(field: string, allowed: string) {
    super('INVALID_INPUT', `${field}: ${allowed}`);
    this.field = field;
    this.allowed = allowed;
  }
}

/**
 * A value outside its bounds (LP-5, SP-3). Nothing was changed. `min` and `max` are inclusive and in the field's
 * notation.
 */
export class OutOfBoundsError extends LullError {
  readonly field: string;
  readonly min: string;
  readonly max: string;
  constructor(field: string, min: string, max: string) {
    super('OUT_OF_BOUNDS', `${field}: from ${min} to ${max} is allowed`);
    this.field = field;
    this.min = min;
    this.max = max;
  }
}

/** An unknown object. An object of another account is answered in the same way. */
export class NotFoundError extends LullError {
  readonly field: string;
  constructor(field: string, what: string) {
    super('NOT_FOUND', `${field}: no such ${what}`);
    this.field = field;
  }
}

/** A command that the conversation's status does not allow; `status` is that status. */
export class NotAllowedError extends LullError {
  readonly command: string;
  readonly status: string;
  constructor(command: string, status: string, why: string) {
    super('NOT_ALLOWED', why);
    this.command = command;
    this.status = status;
  }
}

/** A command by id on a conversation that has ended. */
export class ConversationEndedError extends LullError {
  readonly conversationId: string;
  constructor(conversationId: string) {
    super('CONVERSATION_ENDED', `conversation ${conversationId} has ended`);
    this.conversationId = conversationId;
  }
}

/** A field of a policy layer that a profile does not allow, and the values it allows. */
export type LayerFault = {
  channelId: string | null;
  skillId: string | null;
  field: string;
  /** In words, or as a range. */
  allowed: string;
};

/** A profile that does not fit layers of the account. Nothing was changed. All such fields are listed. */
export class ProfileRefusedError extends LullError {
  readonly profile: string;
  readonly faults: readonly LayerFault[];
  constructor(profile: string, faults: readonly LayerFault[]) {
    const fields = [...new Set(faults.map(({ field }) => field))].join(', ');
    super('PROFILE_REFUSED', `profile: what is set of ${fields} does not fit ${profile}`);
    this.profile = profile;
    this.faults = faults;
  }
}

/** More items than a call may have. The whole call is refused. */
export class TooManyError extends LullError {
  readonly field: string;
  readonly max: number;
  constructor(field: string, max: number) {
    super('TOO_MANY', `${field}: at most ${max} in one call`);
    this.field = field;
    this.max = max;
  }
}

/**
 * A new value of an address that secrets are sent to, or signed for, without the secrets in the same call. Nothing
 * was changed. Only a caller who knows the secrets may change it.
 */
export class SecretsNeededError extends LullError {
  readonly field: string;
  readonly secrets: readonly string[];
  constructor(field: string, secrets: readonly string[]) {
    super('SECRETS_NEEDED', `${field}: another address needs ${secrets.join(', ')} anew in the same call`);
    this.field = field;
    this.secrets = secrets;
  }
}

/** A value that must be unique in its account and belongs to another object. */
export class TakenError extends LullError {
  readonly field: string;
  constructor(field: string) {
    super('TAKEN', `${field}: another one has it`);
    this.field = field;
  }
}

/** A change based on a version that is no longer the newest. Read again and decide again. */
export class ConflictError extends LullError {
  readonly field: string;
  readonly current: string;
  constructor(
    field: string,
    current: string,
    message = `${field}: it has changed meanwhile; the newest is ${current}`,
  ) {
    super('CONFLICT', message);
    this.field = field;
    this.current = current;
  }
}

/** The caller is unknown, or its key lacks a scope, which `scope` names. */
export class ForbiddenError extends LullError {
  readonly scope: string;
  constructor(scope: string, message = `this needs the scope ${scope}`) {
    super('FORBIDDEN', message);
    this.scope = scope;
  }
}

/**
 * The service cannot take the call now. The same call can be repeated after `retryAfterSeconds`. `cause` is for
 * the log only.
 */
export class UnavailableError extends LullError {
  readonly retryAfterSeconds: number;
  constructor(
    message: string,
    { cause, retryAfterSeconds = 5 }: { cause?: unknown; retryAfterSeconds?: number } = {},
  ) {
    super('UNAVAILABLE', message);
    this.retryAfterSeconds = retryAfterSeconds;
    // Clients get the enumerable fields of an error.
    if (cause !== undefined) Object.defineProperty(this, 'cause', { value: cause });
  }
}

/** An answer above the maximum, in bytes. The request changed nothing. */
export class TooLargeError extends LullError {
  readonly max: number;
  constructor(max: number) {
    super('TOO_LARGE', `the answer would have more than ${max} bytes: ask for smaller pages or fewer fields`);
    this.max = max;
  }
}

/**
 * Too many subscriptions of one account, or of this process, by number or by what they read for an event
 * (`limit`). None was opened.
 */
export class TooManySubscriptionsError extends LullError {
  readonly max: number;
  readonly of: 'ACCOUNT' | 'PROCESS';
  readonly limit: 'SUBSCRIPTIONS' | 'EVENT_COST';
  constructor(
    of: 'ACCOUNT' | 'PROCESS',
    max: number,
    limit: 'SUBSCRIPTIONS' | 'EVENT_COST' = 'SUBSCRIPTIONS',
  ) {
    const whose = of === 'ACCOUNT' ? 'an account' : 'this process';
    super(
      'TOO_MANY_SUBSCRIPTIONS',
      limit === 'SUBSCRIPTIONS'
        ? `${whose} may have at most ${max} subscriptions at a time: end some, or try again later`
        : `the subscriptions of ${whose} may cost at most ${max} an event in all: end some, or ask for less`,
    );
    this.of = of;
    this.max = max;
    this.limit = limit;
  }
}

/** A file in the wrong format, with the line and the column (its name), both counted from 1. */
export class MalformedFileError extends LullError {
  readonly line: number;
  readonly column: string;
  constructor(line: number, column: string, why: string) {
    super('MALFORMED_FILE', `line ${line}, column ${column}: ${why}`);
    this.line = line;
    this.column = column;
  }
}

/**
 * The service is configured in a way it cannot run with, or a dependency is missing. `exitCode` is the process's.
 */
export class SetupError extends LullError {
  readonly exitCode: number;
  constructor(message: string, exitCode = 1) {
    super('SETUP', message);
    this.exitCode = exitCode;
  }
}
