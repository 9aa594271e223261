import type { Credential } from '@wattproof/core/spi';
import { fromBase64 } from '@wattproof/core/verify';
import type { AuthFields } from './client-message.js';

/** What an `auth` message shows; undefined when it shows nothing whole. */
export function credentialOf({
  key,
  keyId,
  challenge,
  signature,
}: AuthFields): Credential | undefined {
  if (key !== undefined) return { kind: 'api-key', key };
  if (keyId === undefined || challenge === undefined || signature === undefined) return undefined;
  try {
    return { kind: 'device-signature', keyId, challenge, signature: signatureBytes(signature) };
  } catch {
    return undefined;
  }
}

/** Base64, or base64url without padding, as devices that also speak MQTT have it. */
function signatureBytes(text: string): Uint8Array {
  const plain = text.replaceAll('-', '+').replaceAll('_', '/');
  return fromBase64(plain.padEnd(Math.ceil(plain.length / 4) * 4, '='));
}
