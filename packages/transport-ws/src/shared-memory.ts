import type { WsConfig } from './ws.config.js';

/** Bytes that all connections hold together: one at its own limit costs little, thousands of them everything. */
export class SharedMemory {
  private inFlightBytes = 0;
  private partialBytes = 0;

  constructor(private readonly limits: Pick<WsConfig, 'maxAllInFlightBytes' | 'maxPartialBytes'>) {}

  /** For messages that wait for their commit. */
  get hasRoom(): boolean {
    return this.inFlightBytes < this.limits.maxAllInFlightBytes;
  }

  /** Less when they are let go. */
  holdInFlight(bytes: number): void {
    this.inFlightBytes += bytes;
  }

  /** Of messages that have begun and not ended; false when there are too many. */
  holdPartial(bytes: number): boolean {
    this.partialBytes += bytes;
    return bytes <= 0 || this.partialBytes <= this.limits.maxPartialBytes;
  }
}
