/** Time that passes, and waiting for it, so that tests need not. A clock that somebody sets changes nothing here. */
export interface Timers {
  /** Milliseconds of a clock that only goes on; where it began says nothing. */
  monotonicMs(): number;
  /** Runs `work` once after `delayMs`, unless the returned function is called before. Keeps no process alive. */
  after(delayMs: number, work: () => void): () => void;
}

export const nodeTimers: Timers = {
  monotonicMs: () => performance.now(),
  after(delayMs, work) {
    const timer = setTimeout(work, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
