/**
 * Every error a client can meet. Each has a stable `code` and the fields a client needs to mend its call.
 * Anything else that is thrown is a fault of ours: it is logged, and the client sees a masked error.
 */
export class LullError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.name = new.target.name;
    this.code = code;
  }
}

/** A value that is not of the form its field takes. `allowed` says in words what would be. */
export class InvalidInputError extends LullError {
  readonly field: string;
  readonly allowed: string;
  constructor(field: string, allowed: string) {
    super('INVALID_INPUT', `${field}: ${allowed}`);
    this.field = field;
    this.allowed = allowed;
  }
}

/** A value outside its bounds (LP-5, SP-3): nothing was changed. `min` and `max` are inclusive, in the field's own notation. */
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

/** Names a thing that does not exist in this account. A thing of another account answers just so. */
export class NotFoundError extends LullError {
  readonly field: string;
  constructor(field: string, what: string) {
    super('NOT_FOUND', `${field}: no such ${what}`);
    this.field = field;
  }
}

/** A command that the conversation's status does not allow; `status` is what it was. */
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

/** A layer of the policy that a profile does not allow, and what it would. */
export type LayerFault = {
  channelId: string | null;
  skillId: string | null;
  field: string;
  /** In words, or as a range. */
  allowed: string;
};

/** A profile was chosen that layers of the account do not fit: nothing was changed. All of them are listed. */
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

/** More than a call may carry: it is refused whole. */
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
 * An address that secrets are sent to, or signed for, was to be another, and the secrets were not given anew with it:
 * nothing was changed. Whoever knows them may move them.
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

/** A name, or anything else that is unique in its account, that another one has. */
export class TakenError extends LullError {
  readonly field: string;
  constructor(field: string) {
    super('TAKEN', `${field}: another one has it`);
    this.field = field;
  }
}

/** Written against a version that is no longer the newest; read again and decide anew. */
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

/** The caller is not known, or its key may not do this. `scope` is what it would need. */
export class ForbiddenError extends LullError {
  readonly scope: string;
  constructor(scope: string, message = `this needs the scope ${scope}`) {
    super('FORBIDDEN', message);
    this.scope = scope;
  }
}

/**
 * The service cannot take the call just now, and the same call may be made again, after `retryAfterSeconds`. `cause` is for
 * the log alone.
 */
export class UnavailableError extends LullError {
  readonly retryAfterSeconds: number;
  constructor(
    message: string,
    { cause, retryAfterSeconds = 5 }: { cause?: unknown; retryAfterSeconds?: number } = {},
  ) {
    super('UNAVAILABLE', message);
    this.retryAfterSeconds = retryAfterSeconds;
    // Clients are shown the fields of an error that can be listed.
    if (cause !== undefined) Object.defineProperty(this, 'cause', { value: cause });
  }
}

/** An answer that would be longer than any may be, in bytes; what was asked for was not changed by it. */
export class TooLargeError extends LullError {
  readonly max: number;
  constructor(max: number) {
    super('TOO_LARGE', `the answer would have more than ${max} bytes: ask for smaller pages or fewer fields`);
    this.max = max;
  }
}

/**
 * More subscriptions at a time than one account, or this process, may have, or such as read more for an event than theirs
 * may together (`limit`): none was opened.
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

/** A file that is not of the form it should have: line and column (both from 1; the column's name) say where. */
export class MalformedFileError extends LullError {
  readonly line: number;
  readonly column: string;
  constructor(line: number, column: string, why: string) {
    super('MALFORMED_FILE', `line ${line}, column ${column}: ${why}`);
    this.line = line;
    this.column = column;
  }
}

/** The service was set up in a way it cannot run with, or what it needs is not there. `exitCode` is the process's. */
export class SetupError extends LullError {
  readonly exitCode: number;
  constructor(message: string, exitCode = 1) {
    super('SETUP', message);
    this.exitCode = exitCode;
  }
}
