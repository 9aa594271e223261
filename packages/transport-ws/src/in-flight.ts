import type { WsConfig } from './ws.config.js';

/** Messages of one connection that are owed an answer. */
export class InFlight {
  private readonly sizes = new Map<string, number>();
  private bytes = 0;

  constructor(private readonly limits: Pick<WsConfig, 'maxInFlight' | 'maxInFlightBytes'>) {}

  get isEmpty(): boolean {
    return this.sizes.size === 0;
  }

  get hasRoom(): boolean {
    return this.sizes.size < this.limits.maxInFlight && this.bytes < this.limits.maxInFlightBytes;
  }

  /** False when the id is in use. */
  begin(id: string, size: number): boolean {
    if (this.sizes.has(id)) return false;
    this.sizes.set(id, size);
    this.bytes += size;
    return true;
  }

  end(id: string): void {
    this.bytes -= this.sizes.get(id) ?? 0;
    this.sizes.delete(id);
  }
}
