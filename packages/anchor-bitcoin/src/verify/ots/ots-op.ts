import { ripemd160, sha1 } from '@noble/hashes/legacy.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { concat, toHex, utf8 } from '@wattproof/core/verify';
import { OtsError } from './ots-error.js';

/** Longest message an operation takes or gives (python-opentimestamps, `Op.MAX_MSG_LENGTH`). */
export const MAX_MESSAGE_BYTES = 4096;

/** What one step does to the running message. */
export type OtsOp =
  | { readonly kind: 'append' | 'prepend'; readonly bytes: Uint8Array }
  | { readonly kind: OtsHash | 'reverse' | 'hexlify' };
export type OtsHash = 'sha1' | 'ripemd160' | 'sha256' | 'keccak256';

/** Tag of each operation in a file. */
export const OP_TAGS: Readonly<Record<OtsOp['kind'], number>> = {
  sha1: 0x02,
  ripemd160: 0x03,
  sha256: 0x08,
  keccak256: 0x67,
  append: 0xf0,
  prepend: 0xf1,
  reverse: 0xf2,
  hexlify: 0xf3,
};

export const HASH_LENGTHS: Readonly<Record<OtsHash, number>> = {
  sha1: 20,
  ripemd160: 20,
  sha256: 32,
  keccak256: 32,
};

const HASHES: Readonly<Record<OtsHash, (message: Uint8Array) => Uint8Array>> = {
  sha1,
  ripemd160,
  sha256,
  keccak256: keccak_256,
};

/** The message after the operation. Throws `bad_ots` beyond the limits of the reference. */
export function applyOp(op: OtsOp, message: Uint8Array): Uint8Array {
  const result = resultOf(op, message);
  if (message.length > MAX_MESSAGE_BYTES || result.length > MAX_MESSAGE_BYTES)
    throw new OtsError(
      `A message of ${Math.max(message.length, result.length)} bytes is too long.`,
    );
  return result;
}

function resultOf(op: OtsOp, message: Uint8Array): Uint8Array {
  switch (op.kind) {
    case 'append':
      return concat(message, op.bytes);
    case 'prepend':
      return concat(op.bytes, message);
    case 'reverse':
      if (message.length === 0) throw new OtsError('Nothing cannot be reversed.');
      return message.slice().reverse();
    case 'hexlify':
      if (message.length === 0) throw new OtsError('Nothing cannot be written as hex.');
      return utf8(toHex(message));
    default:
      return HASHES[op.kind](message);
  }
}
