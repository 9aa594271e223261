import { hashMessage, recoverAddress } from 'ethers';

/** Half the order of secp256k1: of the two s that verify, the greater is not accepted (EIP-2). */
const HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n;
/** r, s and v, as 0x and 130 hex digits. */
const SIGNATURE = /^0x([0-9a-fA-F]{64})([0-9a-fA-F]{64})([0-9a-fA-F]{2})$/;

/**
 * The EIP-55 address that made this signature over the message with EIP-191's prefix (`personal_sign`); undefined when
 * none did. v is 27 or 28, or 0 or 1 as hardware wallets write it; s is the lower one: a signature has no twin.
 */
export function personalSigner(message: string, signature: string): string | undefined {
  const [, r, s, v] = SIGNATURE.exec(signature) ?? [];
  if (r === undefined || s === undefined || v === undefined) return undefined;
  const parity = Number.parseInt(v, 16);
  if (![0, 1, 27, 28].includes(parity) || BigInt(`0x${s}`) > HALF_ORDER) return undefined;
  try {
    const yParity = parity === 0 || parity === 27 ? 0 : 1;
    return recoverAddress(hashMessage(message), { r: `0x${r}`, s: `0x${s}`, yParity });
  } catch {
    return undefined;
  }
}
