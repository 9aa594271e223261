/** What is known of a curve y² = x³ + ax + b over the integers mod p: enough to tell its points and the range of r and s. */
interface ShortCurve {
  readonly p: bigint;
  readonly a: bigint;
  readonly b: bigint;
  /** Order of the group; prime, and the cofactor is 1: every point but the identity has it. */
  readonly n: bigint;
}

/** SEC 2 (2.0) §2.4.2 and §2.4.1. */
const CURVES: Readonly<Record<EcdsaAlgorithm, ShortCurve>> = {
  ES256: {
    p: 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn,
    a: -3n,
    b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
    n: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  },
  ES256K: {
    p: 2n ** 256n - 2n ** 32n - 977n,
    a: 0n,
    b: 7n,
    n: 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n,
  },
};

/** ECDSA with SHA-256 over P-256 and over secp256k1. */
export type EcdsaAlgorithm = 'ES256' | 'ES256K';

/** Order of the curve's group. */
export function orderOf(alg: EcdsaAlgorithm): bigint {
  return CURVES[alg].n;
}

/** Bytes of r, of s and of each coordinate. */
const SCALAR_BYTES = 32;

function bigEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return value;
}

/**
 * What every ECDSA signature must pass before any back end sees it: 64 bytes r‖s, 0 < r < n and 0 < s ≤ n/2, so that nobody can turn
 * one valid signature into another. Back ends differ on the second half of s, so none of them is asked.
 */
export function isAcceptableEcdsa(alg: EcdsaAlgorithm, signature: Uint8Array): boolean {
  if (signature.length !== 2 * SCALAR_BYTES) return false;
  const { n } = CURVES[alg];
  const r = bigEndian(signature.subarray(0, SCALAR_BYTES));
  const s = bigEndian(signature.subarray(SCALAR_BYTES));
  return r > 0n && r < n && s > 0n && s <= n / 2n;
}

/** Whether 65 bytes 0x04 ‖ x ‖ y are a point of the curve, both coordinates below p. The identity has no such form. */
export function isCurvePoint(alg: EcdsaAlgorithm, point: Uint8Array): boolean {
  if (point.length !== 1 + 2 * SCALAR_BYTES || point[0] !== 4) return false;
  const { p, a, b } = CURVES[alg];
  const x = bigEndian(point.subarray(1, 1 + SCALAR_BYTES));
  const y = bigEndian(point.subarray(1 + SCALAR_BYTES));
  // Both sides may be negative or large: only their difference must vanish mod p.
  return x < p && y < p && (y * y - (x * x * x + a * x + b)) % p === 0n;
}
