import type { SharedMemory } from './shared-memory.js';
import type { WsConfig } from './ws.config.js';

/** Messages of one connection that are owed an answer. */
export class InFlight {
  private readonly sizes = new Map<string, number>();
  private bytes = 0;

  constructor(
    private readonly limits: Pick<WsConfig, 'maxInFlight' | 'maxInFlightBytes'>,
    private readonly memory: SharedMemory,
  ) {}

  get isEmpty(): boolean {
    return this.sizes.size === 0;
  }

  get hasRoom(): boolean {
    const { maxInFlight, maxInFlightBytes } = this.limits;
    return this.sizes.size < maxInFlight && this.bytes < maxInFlightBytes && this.memory.hasRoom;
  }

  /** False when the id is in use. */
  begin(id: string, size: number): boolean {
    if (this.sizes.has(id)) return false;
    this.sizes.set(id, size);
    this.bytes += size;
    this.memory.holdInFlight(size);
    return true;
  }

  end(id: string): void {
    const size = this.sizes.get(id) ?? 0;
    this.bytes -= size;
    this.memory.holdInFlight(-size);
    this.sizes.delete(id);
  }
}
