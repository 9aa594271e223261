import { INITIAL } from '../verify/sha2-constants.js';
import { compress } from '../verify/sha256.js';

const BLOCK_BYTES = 64;
const STATE_BYTES = 32;

/**
 * SHA-256 of a file that comes part by part, to processes that know nothing of each other: `kept` is what the next part needs, the
 * hash value of the whole blocks before it and the bytes behind them, in hex. Node's own keeps that to itself.
 */
export class FileDigest {
  private readonly state: Int32Array;
  private tail: Uint8Array = new Uint8Array();
  private bytes: number;

  /** `before`: what was kept, and of how many bytes. */
  constructor(before: { readonly kept: string; readonly bytes: number } = { kept: '', bytes: 0 }) {
    this.bytes = before.bytes;
    if (before.kept === '') {
      this.state = INITIAL.high.slice();
      return;
    }
    const kept = Buffer.from(before.kept, 'hex');
    this.state = Int32Array.from({ length: 8 }, (_, at) => kept.readInt32BE(4 * at));
    this.tail = kept.subarray(STATE_BYTES);
  }

  update(part: Uint8Array): this {
    const all = this.tail.length === 0 ? part : Buffer.concat([this.tail, part]);
    const whole = all.length - (all.length % BLOCK_BYTES);
    compress(this.state, new DataView(all.buffer, all.byteOffset, whole));
    this.tail = all.slice(whole);
    this.bytes += part.length;
    return this;
  }

  get kept(): string {
    return this.words + Buffer.from(this.tail).toString('hex');
  }

  /** The digest, 64 hex; nothing may follow it. */
  end(): string {
    // FIPS 180-4 §5.1.1: one bit, zeros, and the length in bits in the last eight bytes of a block.
    const bits = BigInt(this.bytes) * 8n;
    const zeros = (2 * BLOCK_BYTES - 9 - this.tail.length) % BLOCK_BYTES;
    const padding = Buffer.alloc(1 + zeros + 8);
    padding[0] = 0x80;
    padding.writeBigUInt64BE(bits, 1 + zeros);
    this.update(padding);
    return this.words;
  }

  private get words(): string {
    return [...this.state].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
  }
}
