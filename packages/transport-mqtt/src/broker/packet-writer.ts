import type { Duplex } from 'node:stream';

const FAREWELL_MS = 1_000;

/** What goes out on a connection. */
export class PacketWriter {
  #corked = false;

  constructor(private readonly stream: Duplex) {}

  /** Bytes that the device has not read. */
  get backlogBytes(): number {
    return this.stream.writableLength;
  }

  write(bytes: Buffer): void {
    const { stream } = this;
    if (stream.destroyed || stream.writableEnded) return;
    if (!this.#corked) {
      // What one commit answers leaves in one piece.
      this.#corked = true;
      stream.cork();
      process.nextTick(() => {
        this.#corked = false;
        stream.uncork();
      });
    }
    stream.write(bytes);
  }

  /** Says what was still to be said, for a moment; a device that does not read it is cut off. */
  hangUp(): void {
    const { stream } = this;
    const cut = setTimeout(() => stream.destroy(), FAREWELL_MS);
    stream.once('close', () => clearTimeout(cut));
    stream.resume();
    stream.end(() => stream.destroy());
  }

  cutOff(): void {
    this.stream.destroy();
  }
}
