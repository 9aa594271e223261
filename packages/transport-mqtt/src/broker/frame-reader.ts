import { ConnectionFault } from './connection-fault.js';

/** Fixed header (MQTT 3.1.1, 2.2): one byte, and up to four of remaining length. */
const LONGEST_HEADER = 5;

/**
 * Cuts what comes over a connection into whole packets. A packet is refused by the length it states, before its bytes are
 * kept; what is kept grows with what has come, not with what was announced.
 */
export class FrameReader {
  #kept = Buffer.alloc(0);
  #length = 0;
  #wanted = 1;

  #isFirst = true;

  /** `firstMaxBytes`: the first packet may be asked to be smaller, as long as nobody knows who sends it. */
  constructor(
    private readonly maxBytes: number,
    private readonly firstMaxBytes = maxBytes,
  ) {}

  /** Bytes of a packet that is not complete. */
  get partialBytes(): number {
    return this.#length;
  }

  push(chunk: Buffer): readonly Buffer[] {
    const bytes = this.#length === 0 ? chunk : this.#append(chunk);
    if (bytes.length < this.#wanted) return [];
    const frames: Buffer[] = [];
    let at = 0;
    for (;;) {
      const length = this.#lengthAt(bytes, at);
      this.#wanted = length ?? bytes.length - at + 1;
      if (length === undefined || at + length > bytes.length) break;
      frames.push(bytes.subarray(at, (at += length)));
      this.#isFirst = false;
    }
    // The frames are views of what was kept, so that is not written over.
    this.#kept = Buffer.alloc(0);
    this.#length = 0;
    if (at < bytes.length) this.#append(bytes.subarray(at));
    return frames;
  }

  /** Length of the packet that begins there, header and all; undefined while its header is not complete. */
  #lengthAt(bytes: Buffer, at: number): number | undefined {
    let remaining = 0;
    for (let index = 1; index < LONGEST_HEADER; index += 1) {
      const byte = bytes[at + index];
      if (byte === undefined) return undefined;
      remaining += (byte & 0x7f) * 128 ** (index - 1);
      if (byte < 0x80) {
        const length = 1 + index + remaining;
        const most = this.#isFirst ? this.firstMaxBytes : this.maxBytes;
        if (length <= most) return length;
        throw new ConnectionFault(
          'packet_too_large',
          `A packet of ${length} bytes came; ${most} is the most.`,
        );
      }
    }
    throw new ConnectionFault('malformed_packet', 'The length of a packet has more than 4 bytes.');
  }

  #append(chunk: Buffer): Buffer {
    const length = this.#length + chunk.length;
    if (length > this.#kept.length) {
      const larger = Buffer.alloc(Math.max(length, this.#kept.length * 2));
      this.#kept.copy(larger, 0, 0, this.#length);
      this.#kept = larger;
    }
    chunk.copy(this.#kept, this.#length);
    this.#length = length;
    return this.#kept.subarray(0, length);
  }
}
