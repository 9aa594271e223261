/** Messages to a device that it has not acknowledged: no more than it takes at a time (MQTT 5.0, 4.9); the rest waits here. */
export class OutgoingWindow {
  readonly #sent = new Set<number>();
  readonly #waiting: { readonly messageId: number; readonly bytes: Buffer }[] = [];
  waitingBytes = 0;

  constructor(private readonly receiveMaximum = Number.POSITIVE_INFINITY) {}

  /** Whether it may be sent now; if not, `acknowledged` hands it out when its turn has come. */
  admits(messageId: number, bytes: Buffer): boolean {
    // Devices of 3.1.1 state no number, so nothing has to be remembered.
    if (this.receiveMaximum === Number.POSITIVE_INFINITY) return true;
    if (this.#sent.size < this.receiveMaximum) {
      this.#sent.add(messageId);
      return true;
    }
    this.#waiting.push({ messageId, bytes });
    this.waitingBytes += bytes.length;
    return false;
  }

  acknowledged(messageId: number): readonly Buffer[] {
    if (!this.#sent.delete(messageId)) return [];
    const next = this.#waiting.shift();
    if (next === undefined) return [];
    this.#sent.add(next.messageId);
    this.waitingBytes -= next.bytes.length;
    return [next.bytes];
  }
}
