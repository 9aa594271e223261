import type { SignatureAlgorithm } from './spki.js';

/** What is known of a curve y² = x³ + ax + b over the integers mod p: enough to tell its points and the range of r and s. */
interface ShortCurve {
  readonly p: bigint;
  readonly a: bigint;
  readonly b: bigint;
  /** Order of the group; prime, and the cofactor is 1: every point but the identity has it. */
  readonly n: bigint;
}

/** SEC 2 (2.0) §2.4.2, §2.4.1 and §2.5.1; RFC 5639 §3.4 and §3.6. */
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
  'ECDSA-secp384r1-SHA256': {
    p: 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
    a: -3n,
    b: 0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aefn,
    n: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  },
  'ECDSA-brainpool256r1-SHA256': {
    p: 0xa9fb57dba1eea9bc3e660a909d838d726e3bf623d52620282013481d1f6e5377n,
    a: 0x7d5a0975fc2c3057eef67530417affe7fb8055c126dc5c6ce94a4b44f330b5d9n,
    b: 0x26dc5c6ce94a4b44f330b5d9bbd77cbf958416295cf7e1ce6bccdc18ff8c07b6n,
    n: 0xa9fb57dba1eea9bc3e660a909d838d718c397aa3b561a6f7901e0e82974856a7n,
  },
  'ECDSA-brainpool384r1-SHA256': {
    p: 0x8cb91e82a3386d280f5d6f7e50e641df152f7109ed5456b412b1da197fb71123acd3a729901d1a71874700133107ec53n,
    a: 0x7bc382c63d8c150c3c72080ace05afa0c2bea28e4fb22787139165efba91f90f8aa5814a503ad4eb04a8c7dd22ce2826n,
    b: 0x04a8c7dd22ce28268b39b55416f0447c2fb77de107dcd2a62e880ea53eeb62d57cb4390295dbc9943ab78696fa504c11n,
    n: 0x8cb91e82a3386d280f5d6f7e50e641df152f7109ed5456b31f166e6cac0425a7cf3ab6af6b7fc3103b883202e9046565n,
  },
};

/** ECDSA with SHA-256 over P-256, secp256k1 and the longer curves of OCMF. */
export type EcdsaAlgorithm = Exclude<SignatureAlgorithm, 'Ed25519'>;

/** Order of the curve's group. */
export function orderOf(alg: EcdsaAlgorithm): bigint {
  return CURVES[alg].n;
}

/** Bytes of r, of s and of each coordinate. */
export function scalarBytes(alg: EcdsaAlgorithm): number {
  return alg.includes('384') ? 48 : 32;
}

function bigEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return value;
}

/**
 * What every ECDSA signature must pass before any back end sees it: r‖s of the curve's length, 0 < r < n and 0 < s ≤ n/2, so that nobody can turn
 * one valid signature into another. Back ends differ on the second half of s, so none of them is asked.
 */
export function isAcceptableEcdsa(alg: EcdsaAlgorithm, signature: Uint8Array): boolean {
  const length = scalarBytes(alg);
  if (signature.length !== 2 * length) return false;
  const { n } = CURVES[alg];
  const r = bigEndian(signature.subarray(0, length));
  const s = bigEndian(signature.subarray(length));
  return r > 0n && r < n && s > 0n && s <= n / 2n;
}

/** Whether bytes 0x04 ‖ x ‖ y are a point of the curve, both coordinates below p. The identity has no such form. */
export function isCurvePoint(alg: EcdsaAlgorithm, point: Uint8Array): boolean {
  const length = scalarBytes(alg);
  if (point.length !== 1 + 2 * length || point[0] !== 4) return false;
  const { p, a, b } = CURVES[alg];
  const x = bigEndian(point.subarray(1, 1 + length));
  const y = bigEndian(point.subarray(1 + length));
  // Both sides may be negative or large: only their difference must vanish mod p.
  return x < p && y < p && (y * y - (x * x * x + a * x + b)) % p === 0n;
}
