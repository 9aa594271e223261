/**
 * Puts acknowledgements into the order their messages came in: a receiver must send its PUBACKs so (MQTT 5.0 and 3.1.1, 4.6), though
 * commits end in any order. One for each connection: packet ids mean nothing on another.
 */
export class AckOrder<Ack> {
  /** In order of arrival; undefined while the message is being taken. */
  readonly #waiting = new Map<number, { ack: Ack | undefined }>();
  #settled = 0;

  /** False when the message of that id is being taken already: the broker sent it twice. */
  expect(id: number): boolean {
    if (this.#waiting.has(id)) return false;
    this.#waiting.set(id, { ack: undefined });
    return true;
  }

  /** The acknowledgements that can be sent now, in order. */
  settle(id: number, ack: Ack): readonly (readonly [id: number, ack: Ack])[] {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return [];
    waiting.ack = ack;
    this.#settled += 1;
    const ready: (readonly [number, Ack])[] = [];
    for (const [first, { ack: settled }] of this.#waiting) {
      if (settled === undefined) break;
      ready.push([first, settled]);
      this.#waiting.delete(first);
    }
    this.#settled -= ready.length;
    return ready;
  }

  /** Acknowledgements that wait for one before them. */
  get blocked(): number {
    return this.#settled;
  }

  /** Those, in order: what they waited for has taken too long. */
  pass(): readonly (readonly [id: number, ack: Ack])[] {
    const passing: (readonly [number, Ack])[] = [];
    for (const [id, { ack }] of this.#waiting) {
      if (ack === undefined) continue;
      passing.push([id, ack]);
      this.#waiting.delete(id);
    }
    this.#settled = 0;
    return passing;
  }
}
