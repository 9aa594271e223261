import type { Duplex } from 'node:stream';
import type { Timing } from './timing.js';

/** Read at once, so that goodbyes are heard. */
const AT_ONCE_BYTES = 65_536;
/** Between two reads of what is more. */
const PAUSE_MS = 20;

/** Reads slowly what nobody will look at: what follows a frame that was refused, or comes in while a connection ends. To read it is what a flood costs everybody else. */
export class Discarding {
  private bytes = 0;

  constructor(
    private readonly raw: Pick<Duplex, 'pause' | 'resume'>,
    private readonly timing: Pick<Timing, 'after'>,
  ) {}

  /** So many bytes were read. */
  take(bytes: number): void {
    this.bytes += bytes;
    if (this.bytes <= AT_ONCE_BYTES) return;
    this.raw.pause();
    this.timing.after(PAUSE_MS, () => this.raw.resume());
  }
}
