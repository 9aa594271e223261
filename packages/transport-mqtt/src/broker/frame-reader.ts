import { ConnectionFault } from './connection-fault.js';

/** Fixed header (MQTT 3.1.1, 2.2): one byte, and up to four of remaining length. */
const LONGEST_HEADER = 5;

/** A whole packet; or what is left of one that was cut short, and how many bytes its payload had. */
export interface Frame {
  readonly bytes: Buffer;
  readonly payloadBytes?: number;
}
/** Looks at a packet of that length as far as it has come. `more`: it cannot be told yet whether it `fits`. */
type CutShort = (start: Buffer, length: number) => Required<Frame> | 'fits' | 'more';

/**
 * Cuts what comes over a connection into whole packets. A packet is refused by the length it states, before its bytes are
 * kept; what is kept grows with what has come, not with what was announced, and what is cut off is never kept at all.
 */
export class FrameReader {
  #kept = Buffer.alloc(0);
  #length = 0;
  #wanted = 1;
  #cut: Required<Frame> | undefined;
  /** Of a packet that was cut short: bytes that come and are dropped. */
  #dropping = 0;

  #isFirst = true;

  /** `firstMaxBytes`: the first packet may be asked to be smaller, as long as nobody knows who sends it. */
  constructor(
    private readonly maxBytes: number,
    private readonly firstMaxBytes = maxBytes,
    private readonly cutShort: CutShort = () => 'fits',
  ) {}

  /** Bytes of a packet that is not complete. */
  get partialBytes(): number {
    return this.#length + (this.#cut?.bytes.length ?? 0);
  }

  push(chunk: Buffer): readonly Frame[] {
    const frames: Frame[] = [];
    const came = this.#drop(chunk, frames);
    const bytes = this.#length === 0 ? came : this.#append(came);
    if (bytes.length < this.#wanted) return frames;
    let at = 0;
    while (at < bytes.length) {
      const length = this.#lengthAt(bytes, at);
      const start = bytes.subarray(at, length === undefined ? undefined : at + length);
      const cut = length === undefined ? 'more' : this.cutShort(start, length);
      this.#wanted = length === undefined || cut === 'more' ? start.length + 1 : length;
      if (length === undefined || cut === 'more') break;
      if (typeof cut === 'object') {
        this.#cut = cut;
        this.#dropping = length;
        at = bytes.length - this.#drop(bytes.subarray(at), frames).length;
        this.#wanted = 1;
      } else if (at + length <= bytes.length) {
        frames.push({ bytes: bytes.subarray(at, (at += length)) });
        this.#wanted = 1;
      } else break;
      this.#isFirst = false;
    }
    // The frames are views of what was kept, so that is not written over.
    this.#kept = Buffer.alloc(0);
    this.#length = 0;
    if (at < bytes.length) this.#append(bytes.subarray(at));
    return frames;
  }

  /** What comes after the packet that was cut short; empty as long as it goes on. */
  #drop(chunk: Buffer, frames: Frame[]): Buffer {
    if (this.#cut === undefined) return chunk;
    const dropped = Math.min(chunk.length, this.#dropping);
    this.#dropping -= dropped;
    if (this.#dropping === 0) {
      frames.push(this.#cut);
      this.#cut = undefined;
    }
    return chunk.subarray(dropped);
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
