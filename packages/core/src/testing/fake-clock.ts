import type { Clock } from '../spi/index.js';

/** Time that moves only when a test says so. */
export class FakeClock implements Clock {
  private waiting: { readonly atMs: number; readonly order: number; readonly wake: () => void }[] =
    [];
  private waits = 0;

  constructor(private ms = 1_700_000_000_000) {}

  nowMs(): number {
    return this.ms;
  }

  /** Resolves when the time has come; rejects with the signal's reason when that aborts first. */
  wait(forMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason as Error);
        return;
      }
      const timer = { atMs: this.ms + forMs, order: (this.waits += 1), wake };
      const abort = (): void => {
        this.waiting = this.waiting.filter((other) => other !== timer);
        reject(signal?.reason as Error);
      };
      function wake(): void {
        signal?.removeEventListener('abort', abort);
        resolve();
      }
      signal?.addEventListener('abort', abort, { once: true });
      if (forMs <= 0) wake();
      else this.waiting.push(timer);
    });
  }

  /** How many `wait`s are pending. */
  get pending(): number {
    return this.waiting.length;
  }

  /**
   * Moves time forward and wakes what is due, in order, at its own instant: whoever waits again from there
   * is woken again within the same advance. Resolves when the promises woken have run on.
   */
  async advance(byMs: number): Promise<void> {
    const until = this.ms + byMs;
    for (;;) {
      const [next] = this.waiting
        .filter(({ atMs }) => atMs <= until)
        .sort((a, b) => a.atMs - b.atMs || a.order - b.order);
      if (next === undefined) break;
      this.waiting = this.waiting.filter((other) => other !== next);
      this.ms = Math.max(this.ms, next.atMs);
      next.wake();
      await continuations();
    }
    this.ms = until;
    await continuations();
  }
}

/** Lets every promise that can go on do so: a macrotask begins when no microtask is left. */
function continuations(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
