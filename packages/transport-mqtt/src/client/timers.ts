/** Waiting, so that tests need not. */
export interface Timers {
  /** Runs `work` once after `delayMs`, unless the returned function is called before. Keeps no process alive. */
  after(delayMs: number, work: () => void): () => void;
}

export const nodeTimers: Timers = {
  after(delayMs, work) {
    const timer = setTimeout(work, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
