import { fromBase64, toBase64 } from './bytes.js';
import type { Sha256 } from './contracts.js';
import type { Ed25519Equation } from './ed25519.js';
import { MAX_PATH_LENGTH, verifyInclusion } from './inclusion.js';
import { NoteError, openNote, parseNote, type NoteKey, type VerifiedSignature } from './note.js';
import { isOrigin } from './origin.js';

/** A checkpoint's body: the log's name, how many batches it covers, the batch log's root at that size. */
export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
}

/** Text that is signed (C2SP tlog-checkpoint): three lines, each with its line feed. Throws `bad_checkpoint`. */
export function checkpointText({ origin, size, root }: Checkpoint): string {
  if (!isOrigin(origin) || !Number.isSafeInteger(size) || size < 0 || root.length !== 32)
    throw new NoteError(
      'bad_checkpoint',
      `a checkpoint needs an origin, a size and a 32-byte root, got ${JSON.stringify(origin)}, ${size}, ${root.length} bytes`,
    );
  return `${origin}\n${size}\n${toBase64(root)}\n`;
}

/**
 * Reads a checkpoint's text. No leading zeros, no missing final line feed, no extension lines: a line nobody here understands
 * could change what a signature means. Throws `bad_checkpoint`.
 */
export function parseCheckpointText(text: string): Checkpoint {
  const refuse = (why: string): never => {
    throw new NoteError('bad_checkpoint', why);
  };
  const lines = text.split('\n');
  const [origin = '', size = '', root = '', end] = lines;
  if (lines.length !== 4 || end !== '')
    refuse('a checkpoint is three lines, each with a line feed');
  if (!isOrigin(origin)) refuse('the first line of a checkpoint is not an origin');
  if (!/^(0|[1-9][0-9]*)$/.test(size) || !Number.isSafeInteger(Number(size)))
    refuse(`the size ${JSON.stringify(size.slice(0, 40))} is not a plain decimal below 2^53`);
  let hash: Uint8Array;
  try {
    hash = fromBase64(root);
  } catch {
    return refuse('the root is not base64');
  }
  if (hash.length !== 32) refuse(`the root has ${hash.length} bytes instead of 32`);
  return { origin, size: Number(size), root: hash };
}

/** A checkpoint whose log signature was checked. */
export interface VerifiedCheckpoint extends Checkpoint {
  readonly logKey: NoteKey;
  readonly signatures: readonly VerifiedSignature[];
}

/**
 * Opens a signed checkpoint: at least one of the log's own keys (named like the origin) must have signed, and no known key may have signed
 * badly. Throws `bad_note`, `bad_checkpoint`, `bad_note_signature`, `note_not_signed`.
 */
export function verifyCheckpoint(
  note: string,
  keys: readonly NoteKey[],
  equation?: Ed25519Equation,
): VerifiedCheckpoint {
  const checkpoint = parseCheckpointText(parseNote(note).text);
  const { signatures } = openNote(note, keys, equation);
  const log = signatures.find(
    ({ key }) => key.type === 'ed25519' && key.name === checkpoint.origin,
  );
  if (log === undefined)
    throw new NoteError(
      'note_not_signed',
      `no known key of ${checkpoint.origin} signed this checkpoint`,
    );
  return { ...checkpoint, logKey: log.key, signatures };
}

/** A C2SP tlog-proof: one leaf's place under a signed checkpoint. */
export interface TlogProof {
  readonly index: number;
  readonly path: readonly Uint8Array[];
  readonly checkpoint: string;
}

const TLOG_PROOF_HEAD = 'c2sp.org/tlog-proof@v1';

export function formatTlogProof({ index, path, checkpoint }: TlogProof): string {
  const hashes = path.map((hash) => `${toBase64(hash)}\n`).join('');
  return `${TLOG_PROOF_HEAD}\nindex ${index}\n${hashes}\n${checkpoint}`;
}

/** Reads a proof text strictly; checks no hash and no signature. Throws `bad_tlog_proof`. */
export function parseTlogProof(text: string): TlogProof {
  const refuse = (why: string): never => {
    throw new NoteError('bad_tlog_proof', why);
  };
  const gap = text.indexOf('\n\n');
  if (gap < 0) refuse('a tlog-proof has an empty line before its checkpoint');
  const [head, indexLine = '', ...hashes] = text.slice(0, gap).split('\n');
  if (head !== TLOG_PROOF_HEAD) refuse(`the first line is not ${TLOG_PROOF_HEAD}`);
  const index = /^index (0|[1-9][0-9]*)$/.exec(indexLine)?.[1];
  if (index === undefined || !Number.isSafeInteger(Number(index)))
    return refuse('the second line is not an index');
  if (hashes.length > MAX_PATH_LENGTH) refuse(`more than ${MAX_PATH_LENGTH} hashes`);
  const path = hashes.map((line) => {
    try {
      const hash = fromBase64(line);
      if (hash.length === 32) return hash;
    } catch {
      // Told below with the same words.
    }
    return refuse('a path line is not base64 of 32 bytes');
  });
  return { index: Number(index), path, checkpoint: text.slice(gap + 2) };
}

/**
 * Checks that `leaf` (RFC 9162 leaf hash) stands where the proof says, under a checkpoint that a known log key signed.
 * Throws `bad_tlog_proof` and whatever `verifyCheckpoint` throws.
 */
export function verifyTlogProof(
  text: string,
  leaf: Uint8Array,
  keys: readonly NoteKey[],
  options: { readonly equation?: Ed25519Equation; readonly sha256?: Sha256 } = {},
): VerifiedCheckpoint {
  const proof = parseTlogProof(text);
  const checkpoint = verifyCheckpoint(proof.checkpoint, keys, options.equation);
  const { size, root } = checkpoint;
  const claim = {
    profile: 'rfc9162',
    leaf,
    index: proof.index,
    size,
    path: proof.path,
    root,
  } as const;
  if (!verifyInclusion(claim, options.sha256))
    throw new NoteError(
      'bad_tlog_proof',
      `the leaf is not entry ${proof.index} of the checkpoint's tree of ${size}`,
    );
  return checkpoint;
}
