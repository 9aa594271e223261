import { setTimeout as wait } from 'node:timers/promises';

/** Counts messages in work, so that a server can wait for them before it closes. */
export class UnderWay {
  private count = 0;
  private idle: (() => void) | undefined;

  async track<T>(work: Promise<T>): Promise<T> {
    this.count += 1;
    try {
      return await work;
    } finally {
      this.count -= 1;
      if (this.count === 0) this.idle?.();
    }
  }

  /** Resolves when nothing is in work and answers were handed to the socket, after `withinMs` at the latest. */
  async ended(withinMs: number): Promise<void> {
    if (this.count > 0) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.idle = resolve;
        timer = setTimeout(resolve, withinMs);
      });
      clearTimeout(timer);
    }
    // Nest sends an answer on the tick after its handler.
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
  }
}

/** Waits for the work, but no longer: a broker that is away answers nothing. Failures are as good as an end. */
export async function within(ms: number, work: Promise<unknown> | undefined): Promise<void> {
  const timer = new AbortController();
  await Promise.race([
    work?.catch(() => undefined),
    wait(ms, undefined, { signal: timer.signal, ref: false }).catch(() => undefined),
  ]);
  timer.abort();
}
