import { keccak_256 as keccak256 } from '@noble/hashes/sha3.js';
import { CheckpointRegistry } from './artifacts/checkpoint-registry.js';
import { rpcBytes } from './block-header-rlp.js';
import { hex, join, word } from './verify/hex.js';

/** The deployer that is at this address on every chain: calldata is a salt and a contract's creation code (EIP-1014). */
export const CREATE2_DEPLOYER = '0x4e59b44847b379578588920ca78fbf26c0b4956c';

/** Where the deployer puts a contract, on any chain. */
export function deterministicAddress(creationCode: string, salt = 0n): string {
  const code = keccak256(rpcBytes(creationCode));
  const parts = join(Uint8Array.of(0xff), rpcBytes(CREATE2_DEPLOYER), word(salt), code);
  return `0x${hex(keccak256(parts).slice(12))}`;
}

/** The checkpoint registry of this version of the package. */
export const registryAddress = (): string => deterministicAddress(CheckpointRegistry.bytecode);
