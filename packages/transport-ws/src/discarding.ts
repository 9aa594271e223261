import type { Duplex } from 'node:stream';
import type { Timing } from './timing.js';

/** Read at once, so that goodbyes are heard. */
const AT_ONCE_BYTES = 65_536;
/** Between two reads of what is more; each time twice as long as before. */
const PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 1_000;
/** For the goodbye that says why to reach who sends so much behind a refused frame. */
const GOODBYE_MS = 100;

/** Reads slower and slower what nobody will look at: what follows a frame that was refused, or comes in while a connection ends. To read it is what a flood costs everybody else. */
export class Discarding {
  private bytes = 0;
  private pauseMs = PAUSE_MS;

  constructor(
    private readonly raw: Pick<Duplex, 'pause' | 'resume'>,
    private readonly timing: Pick<Timing, 'after'>,
    private readonly cut: () => void,
  ) {}

  /** So many bytes were read; behind a refused frame more of them than a goodbye has are a flood, whose line is cut. */
  take(bytes: number, isBehindRefused: boolean): void {
    this.bytes += bytes;
    if (this.bytes <= AT_ONCE_BYTES) return;
    this.raw.pause();
    if (isBehindRefused) {
      this.timing.after(GOODBYE_MS, this.cut);
      return;
    }
    this.timing.after(this.pauseMs, () => this.raw.resume());
    this.pauseMs = Math.min(2 * this.pauseMs, LONGEST_PAUSE_MS);
  }
}
