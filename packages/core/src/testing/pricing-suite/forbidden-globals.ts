import assert from 'node:assert/strict';

/** Runs synchronous work while the clock and the dice of the language throw. What names an instant still works. */
export function withoutClockAndChance<T>(work: () => T): T {
  const { Date: RealDate } = globalThis;
  const { random } = Math;
  const forbidden = (what: string) => (): never =>
    assert.fail(`${what} was read: the same inputs would give another quote another day`);
  const now = forbidden('the clock');
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, args: unknown[]) =>
      args.length === 0 ? now() : (Reflect.construct(target, args) as object),
    apply: now,
    get: (target, name, receiver) =>
      name === 'now' ? now : (Reflect.get(target, name, receiver) as unknown),
  });
  Math.random = forbidden('Math.random');
  try {
    return work();
  } finally {
    globalThis.Date = RealDate;
    Math.random = random;
  }
}
