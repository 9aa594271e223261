import { concat } from '../bytes.js';
import { type EcdsaAlgorithm, orderOf, scalarBytes } from '../ecdsa-rules.js';
import type { SignatureAlgorithm } from '../spki.js';

function bigEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return value;
}

function scalar(value: bigint, length: number): Uint8Array {
  const out = new Uint8Array(length);
  for (let i = length - 1, rest = value; i >= 0; i -= 1, rest >>= 8n) out[i] = Number(rest & 0xffn);
  return out;
}

/**
 * The signature with s ≤ n/2. The standards of these envelopes let a device send either of the two; only the lower is kept. What is no
 * ECDSA signature comes back as it is.
 */
export function lowSSignature(alg: SignatureAlgorithm, signature: Uint8Array): Uint8Array {
  if (alg === 'Ed25519') return signature;
  const length = scalarBytes(alg);
  if (signature.length !== 2 * length) return signature;
  const n = orderOf(alg);
  const s = bigEndian(signature.subarray(length));
  if (s <= n / 2n || s >= n) return signature;
  return concat(signature.subarray(0, length), scalar(n - s, length));
}

/**
 * r‖s of an ECDSA-Sig-Value in DER (RFC 3279 §2.2.3), with s ≤ n/2; undefined when it is not the one DER of its two positive integers,
 * or has integers beyond the order.
 */
export function signatureOfDer(alg: EcdsaAlgorithm, der: Uint8Array): Uint8Array | undefined {
  const n = orderOf(alg);
  // Two integers of 384 bits are less than 128 bytes: the length has one byte.
  if (der[0] !== 0x30 || der[1] !== der.length - 2 || der.length > 127) return undefined;
  const r = integerAt(der, 2);
  if (r === undefined) return undefined;
  const s = integerAt(der, r.end);
  if (s === undefined || s.end !== der.length) return undefined;
  if (r.value <= 0n || r.value >= n || s.value <= 0n || s.value >= n) return undefined;
  const length = scalarBytes(alg);
  return lowSSignature(alg, concat(scalar(r.value, length), scalar(s.value, length)));
}

function integerAt(
  der: Uint8Array,
  at: number,
): { readonly value: bigint; readonly end: number } | undefined {
  const length = der[at + 1];
  if (der[at] !== 0x02 || length === undefined || length === 0) return undefined;
  const end = at + 2 + length;
  const bytes = der.subarray(at + 2, end);
  if (bytes.length !== length || bytes[0]! >= 0x80) return undefined;
  // A zero in front is there only to keep the sign (X.690 §8.3.2).
  if (length > 1 && bytes[0] === 0 && bytes[1]! < 0x80) return undefined;
  return { value: bigEndian(bytes), end };
}
