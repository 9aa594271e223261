import type { Timers } from './commit-queue.js';

/** The event loop's own timers. A lingering group never keeps a process alive. */
export const nodeTimers: Timers = {
  soon: (run) => void setImmediate(run),
  later: (run, ms) => {
    const timer = setTimeout(run, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
