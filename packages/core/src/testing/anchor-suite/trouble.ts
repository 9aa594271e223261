import { AnchorError } from '../../spi/index.js';

/** What happens to a run at one of its calls. `CutPoint` is one: there the process dies. */
export interface Trouble {
  /** The same object, with the trouble in its calls. */
  wrap<T extends object>(target: T, name: string): T;
  /** Calls at which it could have struck. */
  readonly calls: number;
  /** The call it struck, once it did. */
  readonly cutAt: string | undefined;
  /** The process that was struck goes on; otherwise another one does. */
  readonly survived?: boolean;
  /** Resolves when the process stands still in the middle of a call. */
  readonly stopped?: Promise<void>;
  /** Passes that another process makes before the one that stands still goes on. */
  readonly passesAway?: number;
  /** It goes on where it was. */
  resume?(): void;
  /** Between two passes. */
  afterPass?(): Promise<void>;
  /** Everything is settled: what is still under way arrives now. */
  end?(): Promise<void>;
}

/** Puts `around` around every method of an object. */
export function aroundCalls<T extends object>(
  target: T,
  name: string,
  around: (call: string, effect: () => Promise<unknown>) => Promise<unknown>,
): T {
  return new Proxy(target, {
    get: (object, property) => {
      const member: unknown = Reflect.get(object, property, object);
      if (typeof member !== 'function') return member;
      return async (...args: unknown[]): Promise<unknown> =>
        around(`${name}.${String(property)}`, async () => Reflect.apply(member, object, args));
    },
  });
}

/**
 * `late`: what is sent is given up, and reaches the ledger passes later, behind whatever was sent since. `swallowed`: it is
 * accepted and never seen again.
 */
export const LEDGER_FAULTS = ['down', 'reply lost', 'twice', 'late', 'swallowed'] as const;
export type LedgerFault = (typeof LEDGER_FAULTS)[number];
const OF_SENDING: readonly LedgerFault[] = ['twice', 'late', 'swallowed'];

/** The ledger misbehaves at the n-th call to it, and is well again some passes later. */
export class LedgerTrouble implements Trouble {
  readonly survived = true;
  calls = 0;
  cutAt: string | undefined;
  #passesLeft: number;
  #recover: (() => Promise<unknown>) | undefined;

  /** `at` counts from 1. */
  constructor(
    readonly at: number,
    readonly fault: LedgerFault,
    private readonly setDown: (down: boolean) => Promise<void>,
  ) {
    this.#passesLeft = 1 + (at % 4);
  }

  wrap<T extends object>(target: T, name: string): T {
    if (name !== 'anchor') return target;
    return aroundCalls(target, name, (call, effect) => this.#call(call, effect));
  }

  async afterPass(): Promise<void> {
    if (this.#recover && (this.#passesLeft -= 1) <= 0) await this.end();
  }

  async end(): Promise<void> {
    // The reply to what arrives late reaches nobody.
    await this.#recover?.().catch(() => undefined);
    this.#recover = undefined;
  }

  async #call(call: string, effect: () => Promise<unknown>): Promise<unknown> {
    this.calls += 1;
    const sends = call.endsWith('.broadcast');
    // These say something of what is sent alone.
    const due = this.calls >= this.at && (sends || !OF_SENDING.includes(this.fault));
    if (this.cutAt !== undefined || !due) return effect();
    this.cutAt = `${call} (${this.fault})`;
    switch (this.fault) {
      case 'down':
        await this.setDown(true);
        this.#recover = () => this.setDown(false);
        return effect();
      case 'reply lost':
        await effect();
        throw new AnchorError('unavailable', 'the connection broke before the answer');
      case 'twice':
        await effect();
        return effect();
      case 'late':
        this.#recover = effect;
        throw new AnchorError('unavailable', 'no answer in time');
      case 'swallowed':
        return 'accepted';
    }
  }
}

/** The process stands still before or behind its n-th call, for so long that its lease runs out, and then goes on. */
export class StandStill implements Trouble {
  calls = 0;
  cutAt: string | undefined;
  readonly stopped: Promise<void>;
  readonly passesAway: number;
  readonly #resumed: Promise<void>;
  #stop: () => void = () => undefined;
  #resume: () => void = () => undefined;

  /** `at` counts from 1. */
  constructor(
    readonly at: number,
    readonly moment: 'before' | 'after',
  ) {
    this.passesAway = 1 + (at % 8);
    this.stopped = new Promise((resolve) => {
      this.#stop = resolve;
    });
    this.#resumed = new Promise((resolve) => {
      this.#resume = resolve;
    });
  }

  wrap<T extends object>(target: T, name: string): T {
    return aroundCalls(target, name, async (call, effect) => {
      this.calls += 1;
      if (this.calls !== this.at) return effect();
      this.cutAt = `${call} (stood still ${this.moment})`;
      const done = this.moment === 'after' ? await effect() : undefined;
      this.#stop();
      await this.#resumed;
      return this.moment === 'after' ? done : effect();
    });
  }

  resume(): void {
    this.#resume();
  }
}
