import { Point } from '@noble/ed25519';
import { concat, equal } from './bytes.js';
import { sha512 } from './sha512.js';

/** The group order L = 2²⁵² + 27742317777372353535851937790883648493 (RFC 8032 §5.1). */
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
/** The field's prime p = 2²⁵⁵ − 19. */
const PRIME = 2n ** 255n - 19n;

/** y of two of the four points of order 8; the other two have p − y. */
const ORDER_8_Y = 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n;

function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i -= 1) value = (value << 8n) | BigInt(bytes[i]!);
  return value;
}

function withoutSign(point: Uint8Array): Uint8Array {
  // Not `slice`: of a Node Buffer that is a view, and the caller's bytes would change.
  const y = new Uint8Array(point);
  y[31]! &= 0x7f;
  return y;
}

/** y < p, and no sign bit where x is 0 (RFC 8032 §5.1.3). Says nothing about being on the curve. */
function isCanonicalPoint(point: Uint8Array): boolean {
  if (point.length !== 32) return false;
  const y = littleEndian(withoutSign(point));
  if (y >= PRIME) return false;
  const xIsZero = y === 1n || y === PRIME - 1n;
  return !(xIsZero && (point[31]! & 0x80) !== 0);
}

/** Whether these 32 bytes encode one of the eight points whose order divides 8; the sign bit is ignored. */
export function isSmallOrder(point: Uint8Array): boolean {
  const y = littleEndian(withoutSign(point));
  return [0n, 1n, PRIME - 1n, ORDER_8_Y, PRIME - ORDER_8_Y].includes(y);
}

/**
 * What every signature must pass before any back end sees it: 64 and 32 bytes, S < L, canonical encodings of A and R,
 * A not of small order. Back ends differ on all four, so none of them is asked.
 */
export function isAcceptableEd25519(signature: Uint8Array, publicKey: Uint8Array): boolean {
  return (
    signature.length === 64 &&
    isCanonicalPoint(publicKey) &&
    !isSmallOrder(publicKey) &&
    isCanonicalPoint(signature.subarray(0, 32)) &&
    littleEndian(signature.subarray(32)) < ORDER
  );
}

/**
 * Checks the equation of an Ed25519 signature that passed `isAcceptableEd25519`: the encoding of S·B − k·A equals R's
 * bytes. Hosts put their native verification here; it must be cofactorless.
 */
export type Ed25519Equation = (
  signature: Uint8Array,
  message: Uint8Array,
  publicKey: Uint8Array,
) => boolean;

/** The equation in plain JavaScript, comparing bytes (cofactorless). */
export const pureEd25519Equation: Ed25519Equation = (signature, message, publicKey) => {
  const r = signature.subarray(0, 32);
  const s = littleEndian(signature.subarray(32));
  const k = littleEndian(sha512(concat(r, publicKey, message))) % ORDER;
  try {
    const a = Point.fromBytes(publicKey);
    const expected = Point.BASE.multiplyUnsafe(s).subtract(a.multiplyUnsafe(k));
    return equal(expected.toBytes(), r);
  } catch {
    // Not a point of the curve.
    return false;
  }
};

/**
 * True when the signature is valid under the project's acceptance rule: S < L; A and R canonically encoded; A not of small
 * order; encoding of S·B − k·A equal to R's bytes. Never throws.
 */
export function verifyEd25519(
  signature: Uint8Array,
  message: Uint8Array,
  publicKey: Uint8Array,
  equation: Ed25519Equation = pureEd25519Equation,
): boolean {
  return isAcceptableEd25519(signature, publicKey) && equation(signature, message, publicKey);
}

/**
 * True when a public key may be registered: canonical, on the curve, not of small order, and L·A is the identity, so that it
 * has no small-order component. Never throws.
 */
export function isPrimeOrderKey(publicKey: Uint8Array): boolean {
  if (!isCanonicalPoint(publicKey) || isSmallOrder(publicKey)) return false;
  try {
    return Point.fromBytes(publicKey).isTorsionFree();
  } catch {
    return false;
  }
}
