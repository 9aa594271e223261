import type { Sha256 } from './contracts.js';
import { INITIAL, padded, ROUNDS } from './sha2-constants.js';

const rotate = (x: number, bits: number): number => (x >>> bits) | (x << (32 - bits));

/** SHA-256 (FIPS 180-4 §6.2) in plain JavaScript: the default wherever a function takes a `Sha256`. */
export const sha256: Sha256 = (bytes) => {
  const message = padded(bytes, 64);
  const state = INITIAL.high.slice();
  compress(state, message);
  const digest = new DataView(new ArrayBuffer(32));
  for (let i = 0; i < 8; i += 1) digest.setInt32(4 * i, state[i]!);
  return new Uint8Array(digest.buffer);
};

/** Takes the blocks of 64 bytes of a message, or of a part of one, into the hash value of those before (FIPS 180-4 §6.2.2). */
export function compress(state: Int32Array, message: DataView): void {
  const w = new Int32Array(64);
  for (let at = 0; at < message.byteLength; at += 64) {
    for (let i = 0; i < 16; i += 1) w[i] = message.getInt32(at + 4 * i);
    for (let i = 16; i < 64; i += 1) {
      const x = w[i - 15]!;
      const y = w[i - 2]!;
      const s0 = rotate(x, 7) ^ rotate(x, 18) ^ (x >>> 3);
      const s1 = rotate(y, 17) ^ rotate(y, 19) ^ (y >>> 10);
      w[i] = w[i - 16]! + s0 + w[i - 7]! + s1;
    }
    let a = state[0]!;
    let b = state[1]!;
    let c = state[2]!;
    let d = state[3]!;
    let e = state[4]!;
    let f = state[5]!;
    let g = state[6]!;
    let h = state[7]!;
    for (let i = 0; i < 64; i += 1) {
      const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + ROUNDS.high[i]! + w[i]!) | 0;
      const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + t2) | 0;
    }
    state[0]! += a;
    state[1]! += b;
    state[2]! += c;
    state[3]! += d;
    state[4]! += e;
    state[5]! += f;
    state[6]! += g;
    state[7]! += h;
  }
}
