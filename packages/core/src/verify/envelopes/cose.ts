import { fromUtf8, toHex } from '../bytes.js';
import { parseJson } from '../json/parse.js';
import type { SignatureAlgorithm } from '../spki.js';
import {
  cborArray,
  cborBytes,
  CborMap,
  cborOfJson,
  cborText,
  jsonOfCbor,
  readCbor,
  type CborValue,
} from './cbor.js';
import { EnvelopeError } from './envelope-error.js';
import { MAX_FORMAT_LENGTH, MAX_HEADER_BYTES, type SignedHeader } from './signed-header.js';

export interface CoseHeader extends SignedHeader {
  /** The payload is the deterministic CBOR of the document, not its canonical bytes. */
  readonly cbor: boolean;
}

/** A COSE_Sign1 message (RFC 9052 §4.2), taken apart. */
export interface CoseSign1 {
  /** Content of the protected header's byte string. */
  readonly header: Uint8Array;
  /** Key id of the unprotected header, when it stands there. */
  readonly keyId?: string;
  /** Absent when it is detached. */
  readonly payload?: Uint8Array;
  readonly signature: Uint8Array;
}

/** Labels of header parameters, RFC 9052 §3.1. */
const [ALG, CRIT, CONTENT_TYPE, KID] = [1n, 2n, 3n, 4n] as const;
/** RFC 9053 §2.1–2.2, RFC 8812 §3.2, and the fully specified ones of RFC 9864 §2.1–2.2. */
const ALGORITHMS: ReadonlyMap<unknown, SignatureAlgorithm> = new Map<unknown, SignatureAlgorithm>([
  [-8n, 'Ed25519'],
  [-19n, 'Ed25519'],
  [-7n, 'ES256'],
  [-9n, 'ES256'],
  [-47n, 'ES256K'],
]);
/** Behind a format's name when the payload is CBOR. */
const CBOR_SUFFIX = '+cbor';
/** Tag 18 in one byte. */
const COSE_SIGN1_TAG = 0xd2;
const KEY_ID_BYTES = 8;

function invalid(what: string): EnvelopeError {
  return new EnvelopeError('cose_invalid', `the COSE_Sign1 ${what}`);
}

/** Takes a COSE_Sign1 apart, with its tag 18 or without. Throws `cbor_invalid`, `cose_invalid`; checks no signature. */
export function splitCose(bytes: Uint8Array): CoseSign1 {
  const message = readCbor(bytes[0] === COSE_SIGN1_TAG ? bytes.subarray(1) : bytes);
  const parts = Array.isArray(message) ? (message as readonly CborValue[]) : [];
  const [header, unprotected, payload, signature] = parts;
  if (parts.length !== 4 || !(header instanceof Uint8Array) || !(unprotected instanceof CborMap))
    throw invalid('is not an array of protected header, unprotected header, payload and signature');
  if (!(signature instanceof Uint8Array)) throw invalid('has a signature that is no byte string');
  if (payload !== null && !(payload instanceof Uint8Array))
    throw invalid('has a payload that is neither a byte string nor nil');
  const keyId = keyIdOf(unprotected.get(KID));
  for (const label of [ALG, CRIT, CONTENT_TYPE])
    if (unprotected.get(label) !== undefined)
      throw invalid(`has parameter ${label} in its unprotected header, where nothing is signed`);
  return {
    header,
    ...(keyId === undefined ? {} : { keyId }),
    ...(payload === null ? {} : { payload }),
    signature,
  };
}

function keyIdOf(value: CborValue | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (!(value instanceof Uint8Array) || value.length !== KEY_ID_BYTES)
    throw invalid(`has a kid that is not ${KEY_ID_BYTES} bytes`);
  return toHex(value);
}

/**
 * Reads a protected header: alg, content type (the format's name, `+cbor` behind it when the payload is CBOR), and perhaps kid; what
 * else it holds means nothing here, but nothing may be critical. Throws `cbor_invalid`, `cose_invalid`, `alg_not_allowed`.
 */
export function readCoseHeader(header: Uint8Array): CoseHeader {
  if (header.length > MAX_HEADER_BYTES) throw invalid('has a protected header that is too long');
  const map = readCbor(header);
  if (!(map instanceof CborMap)) throw invalid('has a protected header that is no map');
  if (map.get(CRIT) !== undefined) throw invalid('demands parameters that are not known');
  const alg = ALGORITHMS.get(map.get(ALG));
  if (alg === undefined)
    throw new EnvelopeError(
      'alg_not_allowed',
      'the COSE_Sign1 is signed with an algorithm other than -8, -19, -7, -9 and -47',
    );
  const type = map.get(CONTENT_TYPE);
  if (typeof type !== 'string' || type === '' || type.length > MAX_FORMAT_LENGTH)
    throw invalid('has no content type that names a format in its protected header');
  const cbor = type.endsWith(CBOR_SUFFIX);
  const format = cbor ? type.slice(0, -CBOR_SUFFIX.length) : type;
  const keyId = keyIdOf(map.get(KID));
  return { alg, format, cbor, ...(keyId === undefined ? {} : { keyId }) };
}

/** The JSON text of a CBOR payload. Throws `cbor_invalid`. */
export function jsonOfCborPayload(payload: Uint8Array): string {
  return jsonOfCbor(readCbor(payload));
}

/** The Sig_structure (RFC 9052 §4.4), without external data. `canonicalBytes`: of the document. Throws `cbor_invalid`. */
export function coseMessage(
  header: Uint8Array,
  cbor: boolean,
  canonicalBytes: Uint8Array,
): Uint8Array {
  const payload = cbor
    ? cborOfJson(parseJson(fromUtf8(canonicalBytes), 'literal'))
    : canonicalBytes;
  return cborArray(
    cborText('Signature1'),
    cborBytes(header),
    cborBytes(new Uint8Array(0)),
    cborBytes(payload),
  );
}
