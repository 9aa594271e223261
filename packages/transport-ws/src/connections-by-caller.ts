import type { Caller } from '@wattproof/core/spi';

/** How many connections each caller has, so that one key never takes the places of all. */
export class ConnectionsByCaller {
  private readonly counts = new Map<string, number>();

  constructor(private readonly most: number) {}

  hasPlaceFor(caller: Caller): boolean {
    return (this.counts.get(nameOf(caller)) ?? 0) < this.most;
  }

  enter(caller: Caller): void {
    const name = nameOf(caller);
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
  }

  leave(caller: Caller): void {
    const name = nameOf(caller);
    const left = (this.counts.get(name) ?? 0) - 1;
    if (left > 0) this.counts.set(name, left);
    else this.counts.delete(name);
  }
}

const nameOf = ({ kind, id }: Caller): string => `${kind} ${id}`;
