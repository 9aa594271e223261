/**
 * sfc32 (Chris Doty-Humphrey's Small Fast Counter, public domain): the same seed gives the same fleet on
 * every machine. Not for secrets.
 */
export class SeededRandom {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number) {
    this.#a = seed >>> 0;
    this.#b = (seed ^ 0x9e3779b9) >>> 0;
    this.#c = (seed ^ 0x243f6a88) >>> 0;
    for (let round = 0; round < 15; round += 1) this.next();
  }

  /** Uniform in [0, 1). */
  next(): number {
    const t = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + t;
    this.#c |= 0;
    return (t >>> 0) / 0x1_0000_0000;
  }

  /** Uniform in [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * this.next();
  }

  /** A generator for a named part, independent of how often this one was asked. */
  fork(label: string): SeededRandom {
    let hash = this.#a ^ 0x811c9dc5;
    for (let i = 0; i < label.length; i += 1)
      hash = Math.imul(hash ^ label.charCodeAt(i), 0x01000193);
    return new SeededRandom(hash);
  }
}
