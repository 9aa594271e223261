import type { Credential } from '@wattproof/core/spi';
import type { IConnectPacket } from 'mqtt-packet';

/** `<challenge>.<base64url signature>`; the challenge may have dots in it. */
const SIGNED = /^(.{1,256})\.([A-Za-z0-9_-]{40,256})$/s;
const KEY_PREFIX = 'wpk_';
/** No key is longer. */
const KEY_CHARACTERS = 1_024;

/**
 * What a CONNECT shows: a key as password, of the device, of an account or the operator's own; or a signature, with the id of its key
 * as user name; otherwise the client certificate of the connection. `nothing`: no credential at all. Undefined: none that could be one.
 */
export function credentialOf(
  { username, password }: Pick<IConnectPacket, 'username' | 'password'>,
  certificate: Credential | undefined,
): Credential | 'nothing' | undefined {
  const text = password?.toString('utf8') ?? '';
  if (text.startsWith(KEY_PREFIX)) return { kind: 'api-key', key: text };
  // An operator's key may be any text.
  if (text !== '') return signed(username ?? '', text) ?? plainKey(text);
  if (certificate !== undefined) return certificate;
  return username === undefined || username === '' ? 'nothing' : undefined;
}

function signed(keyId: string, password: string): Credential | undefined {
  const [, challenge, signature] = SIGNED.exec(password) ?? [];
  if (keyId === '' || challenge === undefined || signature === undefined) return undefined;
  const bytes = Buffer.from(signature, 'base64url');
  return { kind: 'device-signature', keyId, challenge, signature: bytes };
}

function plainKey(key: string): Credential | undefined {
  return key.length > KEY_CHARACTERS ? undefined : { kind: 'api-key', key };
}
