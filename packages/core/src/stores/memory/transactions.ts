/**
 * One writer at a time. A transaction of this store may await (signing a receipt, building a tree), and
 * everything it decided must still be true when it writes.
 */
export class Transactions {
  private last: Promise<unknown> = Promise.resolve();
  private refusal: Error | undefined;

  run<T>(work: () => Promise<T> | T): Promise<T> {
    if (this.refusal !== undefined) return Promise.reject(this.refusal);
    const mine = this.last.then(work);
    this.last = mine.catch(() => undefined);
    return mine;
  }

  /** Refuses new transactions with this error; those already begun go on. */
  close(refusal: Error): void {
    this.refusal ??= refusal;
  }

  /** Resolves when everything begun so far has ended. */
  async settled(): Promise<void> {
    await this.last;
  }
}
