import { sha256 } from '@noble/hashes/sha2.js';
import { keccak_256 as keccak256 } from '@noble/hashes/sha3.js';
import type { Commitment } from '@wattproof/core/spi';
import { hex, join, word } from './hex.js';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** How the registry names a log: SHA-256 of its origin. */
export const originHash = (origin: string): Uint8Array => sha256(utf8(origin));

/** Where the registry is on every chain: its code alone decides the address (EIP-1014). */
export const REGISTRY = '8dfda115a4ec0a3fef9f1418e27063e0af0f92a5';

/** Another contract may say of any sender what it likes: whoever relies on the sender has to know it. */
export const registryNamed = (address: Uint8Array): string =>
  hex(address) === REGISTRY
    ? `registry 0x${REGISTRY}`
    : `contract 0x${hex(address)}, not the registry of this version,`;

/** First topic of the registry's event. */
export const CHECKPOINT_TOPIC = keccak256(
  utf8('CheckpointPublished(address,bytes32,bytes32,uint64)'),
);

/** Slot of `size` in the registry's storage; `digest` is in the next. Two nested mappings at slot 0. */
export function sizeSlot(sender: Uint8Array, origin: Uint8Array): bigint {
  const outer = keccak256(join(word(sender), word(0n)));
  return BigInt(`0x${hex(keccak256(join(origin, outer)))}`);
}

const CALLDATA_TAG = utf8('wattproof/evm/v1');

/** Calldata of an anchor without a contract: tag, SHA-256 of the origin, size (8 bytes, big-endian), digest. */
export function calldataOf({ origin, size, digest }: Commitment): Uint8Array {
  return join(CALLDATA_TAG, originHash(origin), word(size).slice(24), digest);
}

const CALLDATA_BYTES = CALLDATA_TAG.length + 32 + 8 + 32;

/** What such calldata says; undefined when it is something else. */
export function readCalldata(
  data: Uint8Array,
): { readonly origin: Uint8Array; readonly size: bigint; readonly digest: Uint8Array } | undefined {
  const tag = CALLDATA_TAG.length;
  if (data.length !== CALLDATA_BYTES || hex(data.slice(0, tag)) !== hex(CALLDATA_TAG))
    return undefined;
  return {
    origin: data.slice(tag, tag + 32),
    size: BigInt(`0x${hex(data.slice(tag + 32, tag + 40))}`),
    digest: data.slice(tag + 40),
  };
}
