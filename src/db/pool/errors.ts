/** A connection to the database that failed to open, or is gone. `code` is one of Node.js or of the driver. */
export class ConnectionLostError extends Error {
  readonly code: string;
  constructor(code: string, where: string, cause?: unknown) {
    super(`${code} ${where}`, { cause });
    this.name = 'ConnectionLostError';
    this.code = code;
  }
}

/** How a connection shows that it is in a wrong state. */
export const FAULT_KINDS = ['transaction_warning', 'impossible_result', 'not_clean', 'nested'] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/**
 * A connection in a wrong state: its statements fail, and it is closed. It is unknown whether they changed anything. It is a
 * fault of Lull or its driver, but another connection may work.
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
