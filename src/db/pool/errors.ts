/** A connection to the database that did not come about, or is gone. `code` is one of Node.js or of the driver. */
export class ConnectionLostError extends Error {
  readonly code: string;
  constructor(code: string, where: string, cause?: unknown) {
    super(`${code} ${where}`, { cause });
    this.name = 'ConnectionLostError';
    this.code = code;
  }
}

/** How the driver or the server showed that a connection is not in the state in which it has to be. */
export const FAULT_KINDS = ['transaction_warning', 'impossible_result', 'not_clean', 'nested'] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/**
 * A connection that is not in the state in which it has to be: its statements fail, and it is thrown away. Whether
 * a change was made is not known. A fault of ours, but another connection may do.
 */
export class DriverFaultError extends Error {
  readonly code = 'DRIVER_FAULT';
  readonly kind: FaultKind;
  constructor(kind: FaultKind, message: string) {
    super(message);
    this.name = 'DriverFaultError';
    this.kind = kind;
  }
}
