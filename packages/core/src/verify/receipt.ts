import { concat, toBase64, toHex, utf8 } from './bytes.js';
import type { JsonObject, Sha256 } from './contracts.js';
import { verifyEd25519, type Ed25519Equation } from './ed25519.js';
import { inclusionProof, MAX_PATH_LENGTH, rootFromPath } from './inclusion.js';
import { formatVkey, parseVkey, type NoteKey } from './note.js';
import { isOrigin, MAX_ORIGIN_LENGTH } from './origin.js';
import { canonicalJson } from './rfc8785.js';
import { sha256 as pureSha256 } from './sha256.js';
import { Shape, ShapeError } from './shape.js';
import { leafHash, type Hashing } from './tree-hashing.js';

export const RECEIPT_VERSION = 'wattproof.receipt/1';

const VERDICTS = ['accepted', 'flagged', 'quarantined'] as const;

/** What the operator promises about one entry. */
export interface ReceiptClaim {
  readonly origin: string;
  readonly entryId: string;
  /** logHash of the entry, 32 bytes. */
  readonly logHash: Uint8Array;
  readonly verdict: (typeof VERDICTS)[number];
  /** Hash of the rule set that judged, as the gateway writes it. */
  readonly rules: string;
  readonly committedAtMs: number;
  /** The entry is in a sealed batch by then, or the operator broke its word. */
  readonly includeByMs: number;
  /** Durability class of the store that committed it. */
  readonly durability: string;
}

/** A whole receipt: the claim, its place among those signed together, and the signature. */
export interface Receipt extends ReceiptClaim {
  readonly index: number;
  readonly size: number;
  readonly path: readonly Uint8Array[];
  /** Key named `<origin>/receipts`. */
  readonly key: NoteKey;
  readonly signature: Uint8Array;
}

function claimMembers(claim: ReceiptClaim): JsonObject {
  return {
    v: RECEIPT_VERSION,
    origin: claim.origin,
    entry: claim.entryId,
    leaf_hash: toHex(claim.logHash),
    verdict: claim.verdict,
    rules: claim.rules,
    committed_at: new Date(claim.committedAtMs).toISOString(),
    include_by: new Date(claim.includeByMs).toISOString(),
    durability: claim.durability,
  };
}

/** Leaf of a receipt, 32 bytes: SHA-256(0x00 ‖ RFC 8785 of the receipt without `path` and `sig`). */
export function receiptLeaf(claim: ReceiptClaim, sha256: Sha256 = pureSha256): Uint8Array {
  return leafHash('rfc9162', utf8(canonicalJson(claimMembers(claim))), undefined, sha256);
}

/**
 * What the receipt key signs, once for a group of receipts:
 * `wattproof/receipts/v1\n` ‖ origin ‖ `\n` ‖ root of the receipt leaves (profile rfc9162, 32 bytes).
 */
export function receiptsMessage(origin: string, root: Uint8Array): Uint8Array {
  return concat(utf8(`wattproof/receipts/v1\n${origin}\n`), root);
}

/** Name under which receipts are signed. */
export function receiptKeyName(origin: string): string {
  return `${origin}/receipts`;
}

/** The receipt as its holder gets it: always the same members and values for the same stored facts. */
export function receiptJson(receipt: Receipt): JsonObject {
  return {
    ...claimMembers(receipt),
    path: { index: receipt.index, size: receipt.size, hashes: receipt.path.map(toHex) },
    sig: { key: formatVkey(receipt.key), value: toBase64(receipt.signature) },
  };
}

/** Receipt `index` of a group whose leaves are known. */
export function receiptOfGroup(
  claim: ReceiptClaim,
  index: number,
  leaves: readonly Uint8Array[],
  key: NoteKey,
  signature: Uint8Array,
  hashing: Hashing = pureSha256,
): Receipt {
  const path = inclusionProof('rfc9162', leaves, index, hashing);
  return { ...claim, index, size: leaves.length, path, key, signature };
}

function instant(shape: Shape, key: string): number {
  const text = shape.text(key, 24);
  const ms = Date.parse(text);
  if (Number.isNaN(ms) || new Date(ms).toISOString() !== text)
    throw new ShapeError(`${shape.path}.${key}`, 'is not RFC 3339 with milliseconds and Z');
  return ms;
}

/** Reads a receipt's parsed JSON strictly. Checks no signature. Throws `ShapeError`, `bad_vkey`. */
export function readReceipt(value: unknown, at = 'receipt'): Receipt {
  const shape = new Shape(value, at, [
    'v',
    'origin',
    'entry',
    'leaf_hash',
    'verdict',
    'rules',
    'committed_at',
    'include_by',
    'durability',
    'path',
    'sig',
  ]);
  shape.oneOf('v', [RECEIPT_VERSION]);
  const origin = shape.text('origin', MAX_ORIGIN_LENGTH);
  if (!isOrigin(origin)) throw new ShapeError(`${at}.origin`, 'is not a checkpoint origin');
  const path = new Shape(shape.raw('path'), `${at}.path`, ['index', 'size', 'hashes']);
  const sig = new Shape(shape.raw('sig'), `${at}.sig`, ['key', 'value']);
  const key = parseVkey(sig.text('key', 2 * MAX_ORIGIN_LENGTH));
  return {
    origin,
    entryId: shape.text('entry', 256),
    logHash: shape.hex('leaf_hash', 32),
    verdict: shape.oneOf('verdict', VERDICTS),
    rules: shape.text('rules', 256),
    committedAtMs: instant(shape, 'committed_at'),
    includeByMs: instant(shape, 'include_by'),
    durability: shape.text('durability', 64),
    index: path.count('index'),
    size: path.count('size'),
    path: path.path32('hashes', MAX_PATH_LENGTH),
    key,
    signature: sig.base64('value', 64),
  };
}

/** Why a receipt is not valid; undefined when it is. */
export interface ReceiptFailure {
  readonly code: 'receipt_key_name' | 'receipt_path' | 'receipt_signature';
  readonly detail: string;
}

/**
 * Checks that the receipt's own key signed it: key name, path, signature. Whether that key is the operator's is the caller's
 * question. Never throws.
 */
export function verifyReceipt(
  receipt: Receipt,
  options: { readonly equation?: Ed25519Equation; readonly sha256?: Sha256 } = {},
): ReceiptFailure | undefined {
  const { origin, key, index, size, path } = receipt;
  if (key.name !== receiptKeyName(origin) || key.type !== 'ed25519')
    return {
      code: 'receipt_key_name',
      detail: `receipts of ${origin} are signed by ${receiptKeyName(origin)}, not ${key.name}`,
    };
  const leaf = receiptLeaf(receipt, options.sha256);
  const root = rootFromPath({ profile: 'rfc9162', leaf, index, size, path }, options.sha256);
  if (root === undefined)
    return {
      code: 'receipt_path',
      detail: `the path does not belong to receipt ${index} of ${size}`,
    };
  const message = receiptsMessage(origin, root);
  return verifyEd25519(receipt.signature, message, key.publicKey, options.equation)
    ? undefined
    : { code: 'receipt_signature', detail: `${key.name} did not sign this receipt` };
}
