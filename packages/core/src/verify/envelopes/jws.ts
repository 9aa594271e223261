import { concat, EncodingError, fromBase64, toBase64, utf8 } from '../bytes.js';
import { FormatError } from '../formats/format.js';
import { parseJson } from '../json/parse.js';
import type { JsonTree } from '../json/reader.js';
import type { SignatureAlgorithm } from '../spki.js';
import { EnvelopeError } from './envelope-error.js';
import { MAX_FORMAT_LENGTH, MAX_HEADER_BYTES, type SignedHeader } from './signed-header.js';

export interface JwsHeader extends SignedHeader {
  readonly keyId: string;
  /** RFC 7797: false when the payload stands in the signed bytes as it is. */
  readonly b64: boolean;
}

/** A JWS in its compact form (RFC 7515 §7.1), taken apart. */
export interface CompactJws {
  /** Bytes of the protected header, which are JSON. */
  readonly header: Uint8Array;
  /** Absent when it is detached (RFC 7515 appendix F). */
  readonly payload?: Uint8Array;
  readonly signature: Uint8Array;
}

/** RFC 8037 §3.1 and RFC 9864 §2.2, RFC 7518 §3.4, RFC 8812 §3.2. */
const ALGORITHMS: Readonly<Record<string, SignatureAlgorithm>> = {
  EdDSA: 'Ed25519',
  Ed25519: 'Ed25519',
  ES256: 'ES256',
  ES256K: 'ES256K',
};

function invalid(what: string): EnvelopeError {
  return new EnvelopeError('jws_invalid', `the JWS ${what}`);
}

/** Base64url without padding (RFC 7515 §2), the one text of its bytes. Throws `jws_invalid`. */
export function fromBase64Url(text: string, where: string): Uint8Array {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1)
    throw invalid(`has a ${where} that is not unpadded base64url`);
  const base64 = text.replaceAll('-', '+').replaceAll('_', '/');
  try {
    return fromBase64(base64.padEnd(Math.ceil(text.length / 4) * 4, '='));
  } catch (error) {
    if (!(error instanceof EncodingError)) throw error;
    throw invalid(`has a ${where} with unused bits that are not zero`);
  }
}

export function toBase64Url(bytes: Uint8Array): string {
  return toBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/** Takes a compact JWS apart. Throws `jws_invalid`; checks no signature. */
export function splitJws(compact: string): CompactJws {
  const parts = compact.split('.', 4);
  const [head, body, tail] = parts;
  if (parts.length !== 3 || head === undefined || body === undefined || tail === undefined)
    throw invalid('is not three parts with points between them');
  if (head.length > MAX_HEADER_BYTES * 2) throw invalid('has a header that is too long');
  const header = fromBase64Url(head, 'header');
  const signature = fromBase64Url(tail, 'signature');
  if (body === '') return { header, signature };
  return { header, payload: fromBase64Url(body, 'payload'), signature };
}

function headerMembers(header: Uint8Array): { readonly [name: string]: JsonTree } {
  if (header.length > MAX_HEADER_BYTES) throw invalid('has a header that is too long');
  let tree: JsonTree;
  try {
    tree = parseJson(header);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw invalid(`has a header that is not strict JSON: ${error.message}`);
  }
  if (typeof tree !== 'object' || tree === null || Array.isArray(tree))
    throw invalid('has a header that is no object');
  return tree as { readonly [name: string]: JsonTree };
}

/** RFC 7515 §4.1.11: every name in `crit` is understood, is in the header and none of the standard's own. */
function checkCritical(members: { readonly [name: string]: JsonTree }): void {
  const own = (name: string): JsonTree | undefined =>
    Object.hasOwn(members, name) ? members[name] : undefined;
  const crit = own('crit');
  const b64 = own('b64');
  if (b64 !== undefined && typeof b64 !== 'boolean')
    throw invalid('has a "b64" that is no boolean');
  if (crit === undefined) {
    // RFC 7797 §6: who does not know b64 must not take its payload for encoded.
    if (b64 !== undefined) throw invalid('has "b64" without naming it in "crit"');
    return;
  }
  const unknown = Array.isArray(crit) ? crit.find((name) => name !== 'b64') : undefined;
  if (typeof unknown === 'string')
    throw new EnvelopeError('jws_crit_unknown', 'the JWS demands an extension that is not known');
  if (!Array.isArray(crit) || crit.length !== 1 || crit[0] !== 'b64' || b64 === undefined)
    throw invalid('has a "crit" that is not a list of names of its header, each once');
}

/**
 * Reads a protected header: `alg`, `kid` (the key id), `cty` (the format's name), and `b64` under `crit`; what else it holds means
 * nothing here. Throws `jws_invalid`, `jws_crit_unknown`, `alg_not_allowed`.
 */
export function readJwsHeader(header: Uint8Array): JwsHeader {
  const members = headerMembers(header);
  checkCritical(members);
  const word = (name: string): string => {
    const value = Object.hasOwn(members, name) ? members[name] : undefined;
    if (typeof value !== 'string') throw invalid(`has no "${name}" in its header`);
    return value;
  };
  const name = word('alg');
  const alg = Object.hasOwn(ALGORITHMS, name) ? ALGORITHMS[name] : undefined;
  if (alg === undefined)
    throw new EnvelopeError(
      'alg_not_allowed',
      `the JWS is signed with an algorithm other than ${Object.keys(ALGORITHMS).join(', ')}`,
    );
  const keyId = word('kid');
  if (!/^[0-9a-f]{16}$/.test(keyId))
    throw invalid('has a "kid" that is not 16 lower-case hex digits');
  const format = word('cty');
  if (format === '' || format.length > MAX_FORMAT_LENGTH)
    throw invalid('has a "cty" that is no name of a format');
  return { alg, keyId, format, b64: members['b64'] !== false };
}

/** The signing input (RFC 7515 §5.1, RFC 7797 §3). */
export function jwsMessage(header: Uint8Array, b64: boolean, payload: Uint8Array): Uint8Array {
  return concat(utf8(`${toBase64Url(header)}.`), b64 ? utf8(toBase64Url(payload)) : payload);
}
