import type { Credential } from '@wattproof/core/spi';
import type { IConnectPacket } from 'mqtt-packet';

/** `<challenge>.<base64url signature>`; the challenge may have dots in it. */
const SIGNED = /^(.{1,256})\.([A-Za-z0-9_-]{40,256})$/s;
const KEY_PREFIX = 'wpk_';

/**
 * What a CONNECT shows: the key of the device as password; or a signature, with the id of its key as user name; otherwise
 * the client certificate of the connection. `nothing`: no credential at all. Undefined: none that could be one.
 */
export function credentialOf(
  { username, password }: Pick<IConnectPacket, 'username' | 'password'>,
  certificate: Credential | undefined,
): Credential | 'nothing' | undefined {
  const text = password?.toString('utf8') ?? '';
  if (text.startsWith(KEY_PREFIX)) return { kind: 'api-key', key: text };
  if (text !== '') return signed(username ?? '', text);
  if (certificate !== undefined) return certificate;
  return username === undefined || username === '' ? 'nothing' : undefined;
}

function signed(keyId: string, password: string): Credential | undefined {
  const [, challenge, signature] = SIGNED.exec(password) ?? [];
  if (keyId === '' || challenge === undefined || signature === undefined) return undefined;
  const bytes = Buffer.from(signature, 'base64url');
  return { kind: 'device-signature', keyId, challenge, signature: bytes };
}
