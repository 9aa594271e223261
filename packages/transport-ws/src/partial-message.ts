import type { SharedMemory } from './shared-memory.js';
import type { Vitals } from './vitals.js';

/** Read and thrown away of what follows a frame that is not taken, so that its sender hears why before the line is cut. */
const DISCARDED_BYTES = 16_777_216;

/** What one connection makes us keep of a message that nobody can read yet, counted among those of all. */
export class PartialMessage {
  /** As it is counted. */
  private keptBytes = 0;
  private isDiscarded = false;

  constructor(
    private readonly vitals: Pick<Vitals, 'partialBytes'>,
    private readonly memory: SharedMemory,
    private readonly maxMessageBytes: number,
  ) {}

  /** To be called when something has come in. `flood`: it goes on sending what was refused by the head of its frame. */
  weigh(): { readonly keptBytes: number; readonly fits: boolean } | 'flood' {
    const bytes = this.vitals.partialBytes;
    if (bytes > this.maxMessageBytes + DISCARDED_BYTES) return 'flood';
    const fits = this.keep(this.isDiscarded ? 0 : Math.min(bytes, this.maxMessageBytes));
    return { keptBytes: this.keptBytes, fits };
  }

  /** Nothing of it is kept from now on. */
  discard(): void {
    this.isDiscarded = true;
    this.keep(0);
  }

  private keep(bytes: number): boolean {
    const fits = this.memory.holdPartial(bytes - this.keptBytes);
    this.keptBytes = bytes;
    return fits;
  }
}
