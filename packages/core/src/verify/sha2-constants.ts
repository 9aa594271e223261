/**
 * The constants of SHA-2, computed as FIPS 180-4 defines them rather than listed: a page that verifies
 * proofs downloads a few lines instead of a table. SHA-256 uses the high words, SHA-512 all 64 bits.
 */
export interface Words64 {
  readonly high: Int32Array;
  readonly low: Int32Array;
}

/** ⌊root of n⌋ of degree 2 or 3, by Newton's method from above. */
function integerRoot(n: bigint, degree: bigint): bigint {
  let root = 1n << 72n;
  for (;;) {
    const next = ((degree - 1n) * root + n / root ** (degree - 1n)) / degree;
    if (next >= root) return root;
    root = next;
  }
}

/** First 64 bits of the fractional parts of the square (2) or cube (3) roots of the first primes. */
function rootFractions(count: number, degree: bigint): Words64 {
  const words = { high: new Int32Array(count), low: new Int32Array(count) };
  const primes: number[] = [];
  for (let n = 2; primes.length < count; n += 1) {
    if (primes.some((prime) => n % prime === 0)) continue;
    const root = integerRoot(BigInt(n) << (64n * degree), degree);
    words.high[primes.length] = Number(BigInt.asIntN(32, root >> 32n));
    words.low[primes.length] = Number(BigInt.asIntN(32, root));
    primes.push(n);
  }
  return words;
}

/** Initial hash values (FIPS 180-4 §5.3.3, §5.3.5). */
export const INITIAL = rootFractions(8, 2n);
/** Round constants (FIPS 180-4 §4.2.2, §4.2.3). */
export const ROUNDS = rootFractions(80, 3n);

/** The padded message (FIPS 180-4 §5.1): 0x80, zeros, and its length in bits at the end of the last block. */
export function padded(message: Uint8Array, blockBytes: 64 | 128): DataView {
  const blocks = Math.floor((message.length + blockBytes / 8) / blockBytes) + 1;
  const out = new Uint8Array(blocks * blockBytes);
  out.set(message);
  out[message.length] = 0x80;
  const view = new DataView(out.buffer);
  view.setUint32(out.length - 8, message.length / 2 ** 29);
  view.setUint32(out.length - 4, message.length << 3);
  return view;
}
