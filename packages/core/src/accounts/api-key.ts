import { hash } from 'node:crypto';

/** `wpk_<16 hex>.<43 base64url>`: the part before the dot finds the key, the part behind it is 256 secret bits. */
const API_KEY = /^(wpk_[0-9a-f]{16})\.([A-Za-z0-9_-]{43})$/;

export interface ApiKeyParts {
  readonly id: string;
  readonly secret: string;
}

/** The parts of a presented key, or undefined when it cannot be one. */
export function parseApiKey(text: string): ApiKeyParts | undefined {
  const match = API_KEY.exec(text);
  return match === null ? undefined : { id: match[1]!, secret: match[2]! };
}

/** `idBytes` 8 and `secretBytes` 32 random bytes. */
export function formatApiKey(idBytes: Uint8Array, secretBytes: Uint8Array): ApiKeyParts {
  return {
    id: `wpk_${Buffer.from(idBytes).toString('hex')}`,
    secret: Buffer.from(secretBytes).toString('base64url'),
  };
}

/** What is stored of a secret. It is 256 random bits, so a plain digest cannot be guessed back. */
export function digestSecret(secret: string): Uint8Array {
  return hash('sha256', `wattproof/api-key/v1\n${secret}`, 'buffer');
}
