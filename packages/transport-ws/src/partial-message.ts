import type { SharedMemory } from './shared-memory.js';
import type { Vitals } from './vitals.js';

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

  /** To be called when something has come in. */
  weigh(): { readonly keptBytes: number; readonly fits: boolean } {
    const bytes = Math.min(this.vitals.partialBytes, this.maxMessageBytes);
    const fits = this.keep(this.isDiscarded ? 0 : bytes);
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
