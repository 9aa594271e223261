import type { Caller } from '@wattproof/core/spi';

/** Whose a session is, in its id. */
export function ownerNameOf(caller: Caller | undefined): string {
  return caller === undefined ? 'anonymous' : `${caller.kind} ${caller.id}`;
}

/** How many connections each key has. Who shows none is bounded by its address. */
export class CallerConnections {
  readonly #counts = new Map<string, number>();

  constructor(private readonly max: number) {}

  hasRoomFor(caller: Caller | undefined): boolean {
    return caller === undefined || (this.#counts.get(ownerNameOf(caller)) ?? 0) < this.max;
  }

  came(caller: Caller | undefined): void {
    this.#change(caller, 1);
  }
  went(caller: Caller | undefined): void {
    this.#change(caller, -1);
  }

  #change(caller: Caller | undefined, by: 1 | -1): void {
    if (caller === undefined) return;
    const owner = ownerNameOf(caller);
    const count = (this.#counts.get(owner) ?? 0) + by;
    if (count > 0) this.#counts.set(owner, count);
    else this.#counts.delete(owner);
  }
}
