import { unavailable } from './sql-failure.js';

/** Keys of one statement at most. */
const KEYS_AT_ONCE = 128;

interface Waiting<V> {
  readonly value: Promise<V | undefined>;
  readonly resolve: (value: V | undefined) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Array parameter `$n` of a prepared statement, hidden from the planner: seeing that today's array is short it would plan every
 * execution anew, which costs five times what the execution does.
 */
export function hiddenArray(n: number, type: string): string {
  return `(SELECT $${n}::${type}[])::${type}[]`;
}

/**
 * Reads of one row each, gathered into statements that read many: whoever asks while `statements` of them are under way goes with the
 * next. Readers then cost least when there are most of them, and never take the connections that writers need. Nobody joins a
 * statement that began before they asked, so they see everything committed by then.
 */
export class GatheredReads<V> {
  #waiting = new Map<string, Waiting<V>>();
  #underWay = 0;

  constructor(
    /** Values by key; a key without one has none. */
    private readonly read: (keys: readonly string[]) => Promise<ReadonlyMap<string, V>>,
    /** `keys`: that may wait before more are refused. */
    private readonly limits: { readonly statements: number; readonly keys: number },
  ) {}

  /** Throws what `read` throws, and `StoreUnavailable` when too many wait. */
  get(key: string): Promise<V | undefined> {
    const known = this.#waiting.get(key);
    if (known !== undefined) return known.value;
    if (this.#waiting.size >= this.limits.keys)
      return Promise.reject(unavailable(`${this.limits.keys} reads already wait for their turn`));
    const { promise: value, resolve, reject } = Promise.withResolvers<V | undefined>();
    this.#waiting.set(key, { value, resolve, reject });
    void this.#next();
    return value;
  }

  async #next(): Promise<void> {
    if (this.#underWay >= this.limits.statements || this.#waiting.size === 0) return;
    const some = [...this.#waiting].slice(0, KEYS_AT_ONCE);
    for (const [key] of some) this.#waiting.delete(key);
    this.#underWay += 1;
    try {
      const found = await this.read(some.map(([key]) => key));
      for (const [key, { resolve }] of some) resolve(found.get(key));
    } catch (error) {
      for (const [, { reject }] of some) reject(error);
    }
    this.#underWay -= 1;
    void this.#next();
  }
}
