/** Last signs of life, in memory until somebody takes them to write them down. */
export class LastSeen {
  private seen = new Map<string, number>();

  constructor(private readonly maxDevices: number) {}

  /** When it is full, devices that are not in it yet have to wait for the next time. */
  note(device: string, atMs: number): void {
    const known = this.seen.get(device);
    if (known === undefined && this.seen.size >= this.maxDevices) return;
    if (known === undefined || known < atMs) this.seen.set(device, atMs);
  }

  of(device: string): number | undefined {
    return this.seen.get(device);
  }

  /** Hands everything to `write`; what came meanwhile, or could not be written, is kept for the next time. */
  async flush(write: (seen: ReadonlyMap<string, number>) => Promise<void>): Promise<void> {
    const taken = this.seen;
    if (taken.size === 0) return;
    this.seen = new Map();
    try {
      await write(taken);
    } catch (error) {
      for (const [device, atMs] of taken) this.note(device, atMs);
      throw error;
    }
  }
}
