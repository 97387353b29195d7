/** A value that is available now, or a promise of it. */
export type MaybeAsync<Value> = Value | Promise<Value>;

/** Calls `next` with the value, synchronously if it is available: a promise for each field of a page costs more than the fields. */
export function chain<Value, Next>(
  value: MaybeAsync<Value>,
  next: (value: Value) => MaybeAsync<Next>,
): MaybeAsync<Next> {
  return value instanceof Promise ? value.then(next) : next(value);
}
