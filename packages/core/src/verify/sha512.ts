import { INITIAL, padded, ROUNDS } from './sha2-constants.js';

/** High word of (x, y) rotated right; with the words exchanged, the low word of (y, x) rotated. */
const rotate = (x: number, y: number, bits: number): number =>
  bits < 32 ? (x >>> bits) | (y << (32 - bits)) : (y >>> (bits - 32)) | (x << (64 - bits));

/** One word of Σ or σ: two rotations and a third, which σ has as a shift. */
const mix = (x: number, y: number, one: number, two: number, last: number): number =>
  rotate(x, y, one) ^ rotate(x, y, two) ^ last;

/**
 * SHA-512 (FIPS 180-4 §6.4) in plain JavaScript, 64 bytes. Words are kept as two signed halves; sums of the low halves are
 * exact doubles, so what they carry is a division away.
 */
export function sha512(bytes: Uint8Array): Uint8Array {
  const message = padded(bytes, 128);
  const high = INITIAL.high.slice();
  const low = INITIAL.low.slice();
  const wh = new Int32Array(80);
  const wl = new Int32Array(80);
  for (let at = 0; at < message.byteLength; at += 128) {
    for (let i = 0; i < 16; i += 1) {
      wh[i] = message.getInt32(at + 8 * i);
      wl[i] = message.getInt32(at + 8 * i + 4);
    }
    for (let i = 16; i < 80; i += 1) {
      const xh = wh[i - 15]!;
      const xl = wl[i - 15]!;
      const yh = wh[i - 2]!;
      const yl = wl[i - 2]!;
      const sum =
        (wl[i - 16]! >>> 0) +
        (wl[i - 7]! >>> 0) +
        (mix(xl, xh, 1, 8, rotate(xl, xh, 7)) >>> 0) +
        (mix(yl, yh, 19, 61, rotate(yl, yh, 6)) >>> 0);
      wl[i] = sum;
      wh[i] =
        wh[i - 16]! +
        wh[i - 7]! +
        mix(xh, xl, 1, 8, xh >>> 7) +
        mix(yh, yl, 19, 61, yh >>> 6) +
        Math.floor(sum / 2 ** 32);
    }
    const h = high.slice();
    const l = low.slice();
    // The eight words stay where they are and their names move instead: word `name` of round i.
    for (let i = 0; i < 80; i += 1) {
      const a = (80 - i) & 7;
      const b = (a + 1) & 7;
      const c = (a + 2) & 7;
      const d = (a + 3) & 7;
      const e = (a + 4) & 7;
      const f = (a + 5) & 7;
      const g = (a + 6) & 7;
      const last = (a + 7) & 7;
      const eh = h[e]!;
      const el = l[e]!;
      const ah = h[a]!;
      const al = l[a]!;
      const t1 =
        (l[last]! >>> 0) +
        (mix(el, eh, 14, 18, rotate(el, eh, 41)) >>> 0) +
        (((el & l[f]!) ^ (~el & l[g]!)) >>> 0) +
        (ROUNDS.low[i]! >>> 0) +
        (wl[i]! >>> 0);
      const t1h =
        h[last]! +
        mix(eh, el, 14, 18, rotate(eh, el, 41)) +
        ((eh & h[f]!) ^ (~eh & h[g]!)) +
        ROUNDS.high[i]! +
        wh[i]! +
        Math.floor(t1 / 2 ** 32);
      const moved = (l[d]! >>> 0) + (t1 >>> 0);
      l[d] = moved;
      h[d] = h[d]! + t1h + Math.floor(moved / 2 ** 32);
      const sum =
        (t1 >>> 0) +
        (mix(al, ah, 28, 34, rotate(al, ah, 39)) >>> 0) +
        (((al & l[b]!) ^ (al & l[c]!) ^ (l[b]! & l[c]!)) >>> 0);
      l[last] = sum;
      h[last] =
        t1h +
        mix(ah, al, 28, 34, rotate(ah, al, 39)) +
        ((ah & h[b]!) ^ (ah & h[c]!) ^ (h[b]! & h[c]!)) +
        Math.floor(sum / 2 ** 32);
    }
    for (let i = 0; i < 8; i += 1) {
      const sum = (low[i]! >>> 0) + (l[i]! >>> 0);
      low[i] = sum;
      high[i] = high[i]! + h[i]! + Math.floor(sum / 2 ** 32);
    }
  }
  const digest = new DataView(new ArrayBuffer(64));
  for (let i = 0; i < 8; i += 1) {
    digest.setInt32(8 * i, high[i]!);
    digest.setInt32(8 * i + 4, low[i]!);
  }
  return new Uint8Array(digest.buffer);
}
