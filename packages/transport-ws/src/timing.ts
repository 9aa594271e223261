/** How time passes for limits. What people are told comes from the host's clock, which somebody may set. */
export interface Timing {
  /** Milliseconds of a clock that only goes on; where it began says nothing. */
  monotonicMs(): number;
  /** Calls `fire` every `ms` until the returned function is called. Keeps no process alive. */
  every(ms: number, fire: () => void): () => void;
  /** Calls `fire` once, unless the returned function is called before. Keeps no process alive. */
  after(ms: number, fire: () => void): () => void;
}

export const nodeTiming: Timing = {
  monotonicMs: () => performance.now(),
  every(ms, fire) {
    const timer = setInterval(fire, ms);
    timer.unref();
    return () => clearInterval(timer);
  },
  after(ms, fire) {
    const timer = setTimeout(fire, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
