import { fromUtf8, toBase64, toHex, utf8 } from './bytes.js';
import {
  TRUST_LEVELS,
  type BatchProfile,
  type Evidence,
  type JsonObject,
  type JsonValue,
} from './contracts.js';
import { MAX_BATCH_METADATA_BYTES } from './batch-log.js';
import { BATCH_NONCE_BYTES } from './device-signing.js';
import { MAX_PATH_LENGTH } from './inclusion.js';
import { MAX_NOTE_LENGTH } from './note.js';
import { readReceipt, receiptJson, type Receipt } from './receipt.js';
import { canonicalJson } from './rfc8785.js';
import { Shape, ShapeError } from './shape.js';
import { SIGNATURE_ALGORITHMS, type SignatureAlgorithm } from './spki.js';

export const BUNDLE_VERSION = 'wattproof.proof/1-draft';
export const BUNDLE_MEDIA_TYPE = 'application/vnd.wattproof.proof+json';

/** Sizes beyond which a bundle is refused before anything is hashed. */
export const BUNDLE_LIMITS = {
  bundleBytes: 4 * 1024 * 1024,
  entryBytes: 65_536,
  logKeys: 64,
  evidence: 32,
} as const;

const PROFILES = ['rfc9162', 'kwh-btc-iot'] as const;

/** A device's signature over the entry, alone or as one of a signed batch. */
export interface BundleSignature {
  readonly alg: SignatureAlgorithm;
  readonly keyId: string;
  /** SPKI DER. */
  readonly publicKey: Uint8Array;
  readonly value: Uint8Array;
  /** What the device wrapped it in, when it signed no message of ours: `jws`, `cose` or `chain`, and what of it is signed besides. */
  readonly envelope?: { readonly type: string; readonly header: Uint8Array };
  readonly batch?: {
    readonly nonce: Uint8Array;
    readonly index: number;
    readonly count: number;
    readonly path: readonly Uint8Array[];
  };
}

/** The batch's place in the batch log of `size` batches; its index is the batch's number. */
export interface LogPlace {
  readonly size: number;
  readonly root: Uint8Array;
  readonly path: readonly Uint8Array[];
}

/** Evidence for the commitment of the batch log at one size, which need not be the checkpoint's. */
export interface BundleEvidence {
  readonly log: LogPlace;
  readonly evidence: Evidence;
}

/** Everything that proves one entry, in one document. */
export interface Bundle {
  readonly entry: {
    readonly format: string;
    readonly bytes: Uint8Array;
    /** Empty under kwh-btc-iot. */
    readonly salt: Uint8Array;
  };
  readonly signature?: BundleSignature;
  readonly inclusion: {
    readonly profile: BatchProfile;
    readonly index: number;
    readonly size: number;
    readonly path: readonly Uint8Array[];
    readonly root: Uint8Array;
  };
  /** Canonical bytes M of the batch. */
  readonly batch: Uint8Array;
  readonly log: LogPlace;
  /** Signed note over the batch log at `log.size`. */
  readonly checkpoint: string;
  /** The key that signed the checkpoint, as a vkey. */
  readonly logKey: string;
  /** log-key/1 notes, oldest first, that lead from an older key to `logKey`. */
  readonly logKeys: readonly string[];
  readonly evidence: readonly BundleEvidence[];
  readonly receipt?: Receipt;
}

function placeJson({ size, root, path }: LogPlace): JsonObject {
  return { size, root: toHex(root), path: path.map(toHex) };
}

/** A signature as bundles and evidence carry it. */
export function signatureJson(signature: BundleSignature): JsonObject {
  const { alg, keyId, publicKey, value, envelope, batch } = signature;
  return {
    alg,
    key_id: keyId,
    public_key: toBase64(publicKey),
    value: toBase64(value),
    ...(envelope === undefined
      ? {}
      : { envelope: { type: envelope.type, header: toBase64(envelope.header) } }),
    ...(batch === undefined
      ? {}
      : {
          batch: {
            nonce: toHex(batch.nonce),
            index: batch.index,
            count: batch.count,
            path: batch.path.map(toHex),
          },
        }),
  };
}

/** The bundle's one text: RFC 8785. */
export function bundleText(bundle: Bundle): string {
  const { entry, signature, inclusion, receipt } = bundle;
  return canonicalJson({
    v: BUNDLE_VERSION,
    entry: { format: entry.format, bytes: toBase64(entry.bytes), salt: toHex(entry.salt) },
    ...(signature === undefined ? {} : { signature: signatureJson(signature) }),
    inclusion: {
      profile: inclusion.profile,
      index: inclusion.index,
      size: inclusion.size,
      path: inclusion.path.map(toHex),
      root: toHex(inclusion.root),
    },
    batch: toBase64(bundle.batch),
    log: placeJson(bundle.log),
    checkpoint: bundle.checkpoint,
    log_key: bundle.logKey,
    log_keys: bundle.logKeys,
    evidence: bundle.evidence.map(({ log, evidence }) => ({ log: placeJson(log), ...evidence })),
    ...(receipt === undefined ? {} : { receipt: receiptJson(receipt) }),
  });
}

function readPlace(value: unknown, at: string): LogPlace {
  const shape = new Shape(value, at, ['size', 'root', 'path']);
  return {
    size: shape.count('size'),
    root: shape.hex('root', 32),
    path: shape.path32('path', MAX_PATH_LENGTH),
  };
}

function readSignature(value: unknown, at: string): BundleSignature {
  const shape = new Shape(
    value,
    at,
    ['alg', 'key_id', 'public_key', 'value'],
    ['batch', 'envelope'],
  );
  let signature: BundleSignature = {
    alg: shape.oneOf('alg', SIGNATURE_ALGORITHMS),
    keyId: shape.text('key_id', 16),
    publicKey: shape.base64('public_key', 32, 256),
    value: shape.base64('value', 64, 96),
  };
  if (shape.has('envelope')) {
    const inner = new Shape(shape.raw('envelope'), `${at}.envelope`, ['type', 'header']);
    const envelope = { type: inner.text('type', 16), header: inner.base64('header', 1, 1024) };
    signature = { ...signature, envelope };
  }
  if (!shape.has('batch')) return signature;
  const batch = new Shape(shape.raw('batch'), `${at}.batch`, ['nonce', 'index', 'count', 'path']);
  return {
    ...signature,
    batch: {
      nonce: batch.hex('nonce', BATCH_NONCE_BYTES),
      index: batch.count('index'),
      count: batch.count('count'),
      path: batch.path32('path', MAX_PATH_LENGTH),
    },
  };
}

function readEvidence(value: unknown, at: string): BundleEvidence {
  const shape = new Shape(value, at, ['log', 'type', 'anchor', 'ledger', 'trust', 'body']);
  const body = shape.raw('body');
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new ShapeError(`${at}.body`, 'is not an object');
  return {
    log: readPlace(shape.raw('log'), `${at}.log`),
    evidence: {
      type: shape.text('type', 128),
      anchor: shape.text('anchor', 128),
      ledger: shape.text('ledger', 512),
      trust: shape.oneOf('trust', TRUST_LEVELS),
      body: body as JsonObject,
    },
  };
}

/**
 * Reads a bundle: its text or UTF-8 bytes, which must be its RFC 8785 form, or the parsed object. The schema is closed.
 * Throws `ShapeError` and the JSON reader's errors; checks no hash.
 */
export function readBundle(source: string | Uint8Array | object): Bundle {
  const given =
    source instanceof Uint8Array
      ? limited(source.length) && fromUtf8(source)
      : typeof source === 'string'
        ? limited(source.length) && source
        : undefined;
  const value = given === undefined || given === false ? source : JSON.parse(given);
  const canonical = canonicalJson(value);
  limited(canonical.length);
  if (typeof given === 'string' && canonical !== given)
    throw new ShapeError('bundle', 'is not in its canonical form (RFC 8785)');
  return readMembers(value as JsonValue);
}

function limited(length: number): boolean {
  if (length > BUNDLE_LIMITS.bundleBytes)
    throw new ShapeError('bundle', `is longer than ${BUNDLE_LIMITS.bundleBytes} bytes`);
  return true;
}

function readMembers(value: JsonValue): Bundle {
  const shape = new Shape(
    value,
    'bundle',
    ['v', 'entry', 'inclusion', 'batch', 'log', 'checkpoint', 'log_key', 'log_keys', 'evidence'],
    ['signature', 'receipt'],
  );
  shape.oneOf('v', [BUNDLE_VERSION]);
  const entry = new Shape(shape.raw('entry'), 'bundle.entry', ['format', 'bytes', 'salt']);
  const inclusion = new Shape(shape.raw('inclusion'), 'bundle.inclusion', [
    'profile',
    'index',
    'size',
    'path',
    'root',
  ]);
  return {
    entry: {
      format: entry.text('format', 128),
      bytes: entry.base64('bytes', 1, BUNDLE_LIMITS.entryBytes),
      salt: entry.hex('salt', 0, 64),
    },
    ...(shape.has('signature')
      ? { signature: readSignature(shape.raw('signature'), 'bundle.signature') }
      : {}),
    inclusion: {
      profile: inclusion.oneOf('profile', PROFILES),
      index: inclusion.count('index'),
      size: inclusion.count('size'),
      path: inclusion.path32('path', MAX_PATH_LENGTH),
      root: inclusion.hex('root', 32),
    },
    batch: shape.base64('batch', 1, MAX_BATCH_METADATA_BYTES),
    log: readPlace(shape.raw('log'), 'bundle.log'),
    checkpoint: shape.text('checkpoint', MAX_NOTE_LENGTH),
    logKey: shape.text('log_key', 1024),
    logKeys: shape.list('log_keys', BUNDLE_LIMITS.logKeys, (item, path) => {
      if (typeof item !== 'string' || item.length > MAX_NOTE_LENGTH)
        throw new ShapeError(path, 'is not a signed note');
      return item;
    }),
    evidence: shape.list('evidence', BUNDLE_LIMITS.evidence, readEvidence),
    ...(shape.has('receipt')
      ? { receipt: readReceipt(shape.raw('receipt'), 'bundle.receipt') }
      : {}),
  };
}

/** The bundle as bytes, for files. */
export function bundleBytes(bundle: Bundle): Uint8Array {
  return utf8(bundleText(bundle));
}
