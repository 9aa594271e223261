import { doubleSha256 } from './merkle-branch.js';

export interface BlockHeader {
  /** Block hash as explorers show it. */
  readonly hash: string;
  /** Internal byte order. */
  readonly merkleRoot: Uint8Array;
  readonly timeS: number;
  /** The target in compact form, 8 hex digits. */
  readonly bits: string;
  /** Whether the hash is at or below the target the header itself states. */
  readonly workDone: boolean;
}

/** Reads an 80-byte header; undefined when it is not one. */
export function readHeader(bytes: Uint8Array): BlockHeader | undefined {
  if (bytes.length !== 80) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const hash = doubleSha256(bytes).reverse();
  const bits = view.getUint32(72, true);
  const target = targetOfBits(bits);
  return {
    hash: hex(hash),
    merkleRoot: bytes.slice(36, 68),
    timeS: view.getUint32(68, true),
    bits: bits.toString(16).padStart(8, '0'),
    workDone: target !== undefined && BigInt(`0x${hex(hash)}`) <= target,
  };
}

/** The compact form of a target; negative and zero targets are undefined. */
export function targetOfBits(bits: number): bigint | undefined {
  const exponent = bits >>> 24;
  const mantissa = BigInt(bits & 0x7f_ffff);
  if ((bits & 0x80_0000) !== 0 || mantissa === 0n || exponent > 32) return undefined;
  return exponent <= 3
    ? mantissa >> BigInt(8 * (3 - exponent))
    : mantissa << BigInt(8 * (exponent - 3));
}

export function hex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}

/** Strict lower-case hex; undefined when it is not. */
export function bytesOf(text: unknown): Uint8Array | undefined {
  if (typeof text !== 'string' || text.length % 2 !== 0 || !/^[0-9a-f]*$/.test(text))
    return undefined;
  return Uint8Array.from({ length: text.length / 2 }, (_unused, i) =>
    Number.parseInt(text.slice(2 * i, 2 * i + 2), 16),
  );
}
