import { concat, uint32be, utf8 } from './bytes.js';
import type { Sha256 } from './contracts.js';
import { isOrigin } from './origin.js';
import { sha256 as pureSha256 } from './sha256.js';
import { HASH_BYTES, leafHash } from './tree-hashing.js';

/** Most readings one `batch/1` signature may cover. */
export const MAX_SIGNED_BATCH = 1024;
/** Bytes of a reading's nonce inside a signed batch. */
export const BATCH_NONCE_BYTES = 16;

/** A field that cannot stand in a signed message. `code` is stable. */
export class SignedMessageError extends Error {
  override readonly name = 'SignedMessageError';
  readonly code = 'bad_signed_field';
}

/** Longest field of a signed message, in UTF-16 units. */
const MAX_FIELD_LENGTH = 256;

/** A line ends at its line feed, so no field may hold one: two messages would share their bytes. */
function line(name: string, value: string): Uint8Array {
  if (value.length === 0 || value.length > MAX_FIELD_LENGTH || /[\p{Cc}\p{Cs}]/u.test(value))
    throw new SignedMessageError(
      `${name} ${JSON.stringify(value)} is empty, longer than ${MAX_FIELD_LENGTH}, or holds control characters`,
    );
  return utf8(`${value}\n`);
}

function keyIdLine(keyId: string): Uint8Array {
  if (!/^[0-9a-f]{16}$/.test(keyId))
    throw new SignedMessageError(`key id ${JSON.stringify(keyId)} is not 16 lower-case hex digits`);
  return utf8(`${keyId}\n`);
}

/**
 * What a device signs for one reading: `wattproof/reading/v1\n` ‖ format ‖ `\n` ‖ key id ‖ `\n` ‖ canonical bytes.
 * Throws `bad_signed_field`.
 */
export function readingMessage(
  format: string,
  keyId: string,
  canonicalBytes: Uint8Array,
): Uint8Array {
  return concat(
    utf8('wattproof/reading/v1\n'),
    line('format', format),
    keyIdLine(keyId),
    canonicalBytes,
  );
}

/** Formats older than this project: their devices sign the canonical bytes as they are. */
const SIGNED_AS_IS = /^(?:gridtokenx-meter\/1|ocmf)$/;

/** The bytes under the signature over one reading of a format. Throws `bad_signed_field`. */
export function signedMessage(
  format: string,
  keyId: string,
  canonicalBytes: Uint8Array,
): Uint8Array {
  return SIGNED_AS_IS.test(format) ? canonicalBytes : readingMessage(format, keyId, canonicalBytes);
}

/**
 * What a device signs for many readings: `wattproof/reading-batch/v1\n` ‖ key id ‖ `\n` ‖ uint32be(count) ‖ root.
 * Throws `bad_signed_field`.
 */
export function batchMessage(keyId: string, count: number, root: Uint8Array): Uint8Array {
  if (!Number.isInteger(count) || count < 1 || count > MAX_SIGNED_BATCH)
    throw new SignedMessageError(`a signed batch has 1 … ${MAX_SIGNED_BATCH} items, got ${count}`);
  if (root.length !== HASH_BYTES)
    throw new SignedMessageError(`the root of a signed batch has 32 bytes, got ${root.length}`);
  return concat(utf8('wattproof/reading-batch/v1\n'), keyIdLine(keyId), uint32be(count), root);
}

const HMAC_BLOCK_BYTES = 64;

/** HMAC-SHA-256 (RFC 2104), 32 bytes. */
export function hmacSha256(
  key: Uint8Array,
  message: Uint8Array,
  sha256: Sha256 = pureSha256,
): Uint8Array {
  const block = new Uint8Array(HMAC_BLOCK_BYTES);
  block.set(key.length > HMAC_BLOCK_BYTES ? sha256(key) : key);
  const inner = sha256(
    concat(
      block.map((byte) => byte ^ 0x36),
      message,
    ),
  );
  return sha256(
    concat(
      block.map((byte) => byte ^ 0x5c),
      inner,
    ),
  );
}

/**
 * Nonce of reading `index` of a signed batch, 16 bytes: HMAC-SHA-256(batch nonce, uint32be(index))[0:16]. It hides the other
 * readings from whoever is shown one.
 */
export function batchItemNonce(
  batchNonce: Uint8Array,
  index: number,
  sha256: Sha256 = pureSha256,
): Uint8Array {
  return hmacSha256(batchNonce, uint32be(index), sha256).slice(0, BATCH_NONCE_BYTES);
}

/** Leaf of one reading in a signed batch, 32 bytes: SHA-256(0x00 ‖ nonce ‖ logHash). The tree is profile rfc9162. */
export function batchItemLeaf(
  nonce: Uint8Array,
  logHash: Uint8Array,
  sha256: Sha256 = pureSha256,
): Uint8Array {
  if (nonce.length !== BATCH_NONCE_BYTES || logHash.length !== HASH_BYTES)
    throw new SignedMessageError(
      `a batch leaf needs a 16-byte nonce and a 32-byte logHash, got ${nonce.length} and ${logHash.length}`,
    );
  return leafHash('rfc9162', logHash, nonce, sha256);
}

function possession(
  tag: string,
  fields: readonly (readonly [string, string])[],
  origin: string,
  nonce: string,
): Uint8Array {
  if (!isOrigin(origin))
    throw new SignedMessageError(`origin ${JSON.stringify(origin)} is not a checkpoint origin`);
  const lines = fields.map(([name, value]) => line(name, value));
  // The nonce comes last and ends the message without a line feed.
  const last = line('nonce', nonce);
  return concat(utf8(`${tag}\n${origin}\n`), ...lines, last.subarray(0, last.length - 1));
}

/**
 * Proof of possession when a meter is registered:
 * `wattproof/register/v1\n` ‖ origin ‖ `\n` ‖ meter id ‖ `\n` ‖ key id ‖ `\n` ‖ nonce. Throws `bad_signed_field`.
 */
export function registerMessage(
  origin: string,
  meterId: string,
  keyId: string,
  nonce: string,
): Uint8Array {
  const fields = [
    ['meter id', meterId],
    ['key id', keyId],
  ] as const;
  return possession('wattproof/register/v1', fields, origin, nonce);
}

/**
 * Rotation, signed by the old and by the new key:
 * `wattproof/rotate/v1\n` ‖ origin ‖ `\n` ‖ meter id ‖ `\n` ‖ old key id ‖ `\n` ‖ new key id ‖ `\n` ‖ nonce. Throws `bad_signed_field`.
 */
export function rotateMessage(
  origin: string,
  meterId: string,
  oldKeyId: string,
  newKeyId: string,
  nonce: string,
): Uint8Array {
  const fields = [
    ['meter id', meterId],
    ['old key id', oldKeyId],
    ['new key id', newKeyId],
  ] as const;
  return possession('wattproof/rotate/v1', fields, origin, nonce);
}

/**
 * A device says at a connection who it is:
 * `wattproof/connect/v1\n` ‖ origin ‖ `\n` ‖ key id ‖ `\n` ‖ challenge. Throws `bad_signed_field`.
 */
export function connectMessage(origin: string, keyId: string, challenge: string): Uint8Array {
  return possession('wattproof/connect/v1', [['key id', keyId]], origin, challenge);
}

/**
 * A device's answer to a command: `wattproof/command-answer/v1\n` ‖ origin ‖ `\n` ‖ meter id ‖ `\n` ‖ command id ‖ `\n` ‖ nonce ‖ `\n` ‖
 * SHA-256 of the answer's body as RFC 8785. Throws `bad_signed_field`.
 */
export function commandAnswerMessage(
  origin: string,
  meterId: string,
  commandId: string,
  nonce: string,
  bodyHash: Uint8Array,
): Uint8Array {
  if (bodyHash.length !== HASH_BYTES)
    throw new SignedMessageError(
      `the hash of an answer's body has 32 bytes, got ${bodyHash.length}`,
    );
  const fields = [
    ['meter id', meterId],
    ['command id', commandId],
  ] as const;
  const head = possession('wattproof/command-answer/v1', fields, origin, nonce);
  return concat(head, utf8('\n'), bodyHash);
}

/**
 * Recovery of a lost key, signed by the new one:
 * `wattproof/recover/v1\n` ‖ origin ‖ `\n` ‖ meter id ‖ `\n` ‖ new key id ‖ `\n` ‖ nonce. Throws `bad_signed_field`.
 */
export function recoverMessage(
  origin: string,
  meterId: string,
  keyId: string,
  nonce: string,
): Uint8Array {
  const fields = [
    ['meter id', meterId],
    ['key id', keyId],
  ] as const;
  return possession('wattproof/recover/v1', fields, origin, nonce);
}
