/** How much may be held at once, in messages and bytes. One message is always let in, however large. */
export class Room {
  #count = 0;
  #bytes = 0;
  readonly #waiting: { readonly bytes: number; readonly enter: () => void }[] = [];

  constructor(
    private readonly maxCount: number,
    private readonly maxBytes: number,
  ) {}

  /** Calls `enter` now, or when there is room, in order. */
  enter(bytes: number, enter: () => void): void {
    this.#waiting.push({ bytes, enter });
    this.#letIn();
  }

  leave(bytes: number): void {
    this.#count -= 1;
    this.#bytes -= bytes;
    this.#letIn();
  }

  #letIn(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const fits = this.#count < this.maxCount && this.#bytes + next.bytes <= this.maxBytes;
      if (!fits && this.#count > 0) return;
      this.#waiting.shift();
      this.#count += 1;
      this.#bytes += next.bytes;
      next.enter();
    }
  }

  get count(): number {
    return this.#count;
  }
  get bytes(): number {
    return this.#bytes;
  }
  get waiting(): number {
    return this.#waiting.length;
  }
}
