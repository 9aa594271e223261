/** What a cut process would never see: the call did not return. */
export class Cut extends Error {
  override readonly name = 'Cut';

  constructor(readonly call: string) {
    super(`the process was cut at ${call}`);
  }
}

/** `before`: the call's effect is lost with the process. `after`: it happened and nobody learnt of it. */
export type CutMoment = 'before' | 'after';

/**
 * Kills a process in process: of all calls on the objects it wraps, the n-th throws `Cut` and so does every
 * one behind it, because a dead process does nothing more. Drop what was built on the wrapped objects and
 * build it again on the bare ones.
 */
export class CutPoint {
  /** Calls seen so far; of an uncut run, the number of places where one can cut. */
  calls = 0;
  /** Name of the call that was cut, once it was. */
  cutAt: string | undefined;

  /** `at` counts from 1; `Infinity` never cuts and only counts. */
  constructor(
    readonly at: number,
    readonly moment: CutMoment = 'before',
  ) {}

  /** The same object with every method counted. `name` says which it is in messages. */
  wrap<T extends object>(target: T, name: string): T {
    return new Proxy(target, {
      get: (object, property) => {
        const member: unknown = Reflect.get(object, property, object);
        if (typeof member !== 'function') return member;
        return (...args: unknown[]): unknown =>
          this.#call(`${name}.${String(property)}`, () => Reflect.apply(member, object, args));
      },
    });
  }

  async #call(call: string, effect: () => unknown): Promise<unknown> {
    if (this.cutAt !== undefined) throw new Cut(call);
    this.calls += 1;
    if (this.calls !== this.at) {
      const value = await effect();
      // Another call may have been cut while this one was under way: its answer reaches nobody.
      if (this.cutAt !== undefined) throw new Cut(call);
      return value;
    }
    this.cutAt = `${call} (${this.moment})`;
    if (this.moment === 'after') await effect();
    throw new Cut(call);
  }
}
