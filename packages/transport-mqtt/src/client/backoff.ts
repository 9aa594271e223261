/** Waits between attempts: doubled each time up to a limit, and each between half and all of it, so that many do not come at once. */
export class Backoff {
  #attempts = 0;

  constructor(
    private readonly minMs: number,
    private readonly maxMs: number,
    /** From 0 to 1. */
    private readonly random: () => number,
  ) {}

  nextMs(): number {
    // Beyond 2³⁰ times the least wait nothing grows any more.
    const ceiling = Math.min(this.maxMs, this.minMs * 2 ** Math.min(this.#attempts, 30));
    this.#attempts += 1;
    return Math.round(ceiling * (0.5 + this.random() / 2));
  }

  /** It worked. */
  reset(): void {
    this.#attempts = 0;
  }
}
