import { createPrivateKey, createPublicKey, sign } from 'node:crypto';

/** RFC 8410: an Ed25519 seed in PKCS #8. */
function privateKey(seedHex: string) {
  const der = Buffer.from(`302e020100300506032b657004220420${seedHex}`, 'hex');
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
}

/** Raw Ed25519 public key (hex) of a 32-byte seed. */
export function publicKeyOf(seedHex: string): string {
  const spki = createPublicKey(privateKey(seedHex)).export({ format: 'der', type: 'spki' });
  return spki.subarray(-32).toString('hex');
}

/** Ed25519 signature by the key of a seed. */
export function signed(seedHex: string, message: Uint8Array): Uint8Array {
  return sign(null, message, privateKey(seedHex));
}
