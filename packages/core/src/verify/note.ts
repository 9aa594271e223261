import { concat, equal, fromBase64, fromHex, toBase64, toHex, uint64be, utf8 } from './bytes.js';
import type { Sha256 } from './contracts.js';
import { verifyEd25519, type Ed25519Equation } from './ed25519.js';
import { isOrigin } from './origin.js';
import { sha256 as pureSha256 } from './sha256.js';

/** Why a signed note, a key or a proof text is refused. `code` is stable. */
export class NoteError extends Error {
  override readonly name = 'NoteError';

  constructor(
    readonly code:
      | 'bad_vkey'
      | 'bad_note'
      | 'bad_checkpoint'
      | 'bad_note_signature'
      | 'note_not_signed'
      | 'bad_tlog_proof',
    message: string,
  ) {
    super(message);
  }
}

/** Longest signed note that is looked at, in UTF-16 units. */
export const MAX_NOTE_LENGTH = 65_536;
/** Most signature lines of a note; more are refused, not ignored. */
export const MAX_NOTE_SIGNATURES = 64;

/** Signature types of C2SP signed-note: Ed25519 over the text, and a witness' timestamped cosignature/v1. */
export type NoteKeyType = 'ed25519' | 'cosignature-v1';
const TYPE_BYTE: Readonly<Record<NoteKeyType, number>> = { ed25519: 0x01, 'cosignature-v1': 0x04 };

/** A key that signs notes. */
export interface NoteKey {
  readonly name: string;
  readonly type: NoteKeyType;
  /** 8 hex digits: SHA-256(name ‖ "\n" ‖ type ‖ public key)[0:4]. */
  readonly id: string;
  readonly publicKey: Uint8Array;
}

/** One signature line, not yet checked. */
export interface NoteSignature {
  readonly name: string;
  readonly id: string;
  readonly value: Uint8Array;
}

export interface SignedNote {
  /** The signed text, with its final line feed. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** A note key from its raw Ed25519 public key. Throws `bad_vkey`. */
export function noteKey(
  name: string,
  publicKey: Uint8Array,
  type: NoteKeyType = 'ed25519',
  sha256: Sha256 = pureSha256,
): NoteKey {
  if (!isOrigin(name))
    throw new NoteError('bad_vkey', `${JSON.stringify(name)} is not a signed-note key name`);
  if (publicKey.length !== 32)
    throw new NoteError('bad_vkey', `an Ed25519 key has 32 bytes, got ${publicKey.length}`);
  const hash = sha256(concat(utf8(`${name}\n`), Uint8Array.of(TYPE_BYTE[type]), publicKey));
  return { name, type, id: toHex(hash.subarray(0, 4)), publicKey };
}

/** `name+id+base64(type ‖ key)`, the form keys are pinned in. */
export function formatVkey(key: NoteKey): string {
  return `${key.name}+${key.id}+${toBase64(concat(Uint8Array.of(TYPE_BYTE[key.type]), key.publicKey))}`;
}

/** Reads a vkey string; its id must be the one its key has. Throws `bad_vkey`. */
export function parseVkey(vkey: string, sha256: Sha256 = pureSha256): NoteKey {
  const refuse = (why: string): never => {
    throw new NoteError('bad_vkey', `${JSON.stringify(vkey.slice(0, 200))}: ${why}`);
  };
  const first = vkey.indexOf('+');
  const second = vkey.indexOf('+', first + 1);
  if (first < 1 || second < 0) refuse('a vkey is name+id+base64');
  const id = vkey.slice(first + 1, second);
  if (!/^[0-9a-f]{8}$/.test(id)) refuse('the key id is not 8 lower-case hex digits');
  let data: Uint8Array;
  try {
    data = fromBase64(vkey.slice(second + 1));
  } catch {
    return refuse('the key is not base64');
  }
  const type = data[0] === 1 ? 'ed25519' : data[0] === 4 ? 'cosignature-v1' : undefined;
  if (type === undefined || data.length !== 33) return refuse('not an Ed25519 key of a known type');
  const key = noteKey(vkey.slice(0, first), data.slice(1), type, sha256);
  if (key.id !== id) refuse(`its key has the id ${key.id}`);
  return key;
}

const SIGNATURE_START = '\u2014 ';

/**
 * Takes a signed note apart (C2SP signed-note): text, an empty line, signature lines, each with its line feed.
 * Checks no signature. Throws `bad_note`.
 */
export function parseNote(note: string): SignedNote {
  const refuse = (why: string): never => {
    throw new NoteError('bad_note', why);
  };
  if (note.length > MAX_NOTE_LENGTH) refuse(`a note has at most ${MAX_NOTE_LENGTH} characters`);
  // U+0000–U+0008, U+000B … U+001F: C2SP allows no control character but the line feed.
  if (/[\u0000-\u0009\u000b-\u001f\p{Cs}]/u.test(note)) refuse('a note holds a control character');
  const split = note.lastIndexOf('\n\n');
  if (split < 0 || !note.endsWith('\n')) refuse('a note is text, an empty line, signature lines');
  const text = note.slice(0, split + 1);
  const lines = note.slice(split + 2, -1).split('\n');
  if (lines.length > MAX_NOTE_SIGNATURES) refuse(`more than ${MAX_NOTE_SIGNATURES} signatures`);
  const signatures = lines.map((line) => {
    const space = line.indexOf(' ', SIGNATURE_START.length);
    const name = line.slice(SIGNATURE_START.length, space);
    if (!line.startsWith(SIGNATURE_START) || space < 0 || !isOrigin(name))
      return refuse('not a signature line');
    let data: Uint8Array;
    try {
      data = fromBase64(line.slice(space + 1));
    } catch {
      return refuse('a signature is not base64');
    }
    if (data.length < 5) return refuse('a signature is too short');
    return { name, id: toHex(data.subarray(0, 4)), value: data.slice(4) };
  });
  return { text, signatures };
}

/** The note of a text and its signatures. */
export function formatNote(note: SignedNote): string {
  const lines = note.signatures.map(
    ({ name, id, value }) => `${SIGNATURE_START}${name} ${toBase64(concat(fromHex(id), value))}\n`,
  );
  return `${note.text}\n${lines.join('')}`;
}

/** What a cosignature/v1 signs (C2SP tlog-cosignature): the note's text under a time line. */
export function cosignatureMessage(text: string, timestampSeconds: number): Uint8Array {
  return utf8(`cosignature/v1\ntime ${timestampSeconds}\n${text}`);
}

/** A signature that was checked. */
export interface VerifiedSignature {
  readonly key: NoteKey;
  /** Seconds since 1970 UTC, of a cosignature. */
  readonly timestampSeconds?: number;
}

function verifySignature(
  text: string,
  signature: NoteSignature,
  key: NoteKey,
  equation: Ed25519Equation | undefined,
): VerifiedSignature | undefined {
  if (key.type === 'ed25519')
    return verifyEd25519(signature.value, utf8(text), key.publicKey, equation)
      ? { key }
      : undefined;
  if (signature.value.length !== 72) return undefined;
  const timestamp = Number(BigInt(`0x${toHex(signature.value.subarray(0, 8))}`));
  if (timestamp === 0 || !Number.isSafeInteger(timestamp)) return undefined;
  const value = signature.value.subarray(8);
  return verifyEd25519(value, cosignatureMessage(text, timestamp), key.publicKey, equation)
    ? { key, timestampSeconds: timestamp }
    : undefined;
}

/**
 * Checks a note with the keys one knows. Signatures of unknown keys are ignored; one bad signature of a known key rejects the
 * whole note. Throws `bad_note`, `bad_note_signature`; `note_not_signed` when no known key signed.
 */
export function openNote(
  note: string,
  keys: readonly NoteKey[],
  equation?: Ed25519Equation,
): { readonly text: string; readonly signatures: readonly VerifiedSignature[] } {
  const parsed = parseNote(note);
  const verified: VerifiedSignature[] = [];
  const seen: NoteSignature[] = [];
  for (const signature of parsed.signatures) {
    const key = keys.find(({ name, id }) => name === signature.name && id === signature.id);
    if (key === undefined) continue;
    // The same signature line twice counts once; two different ones of one key are both checked.
    if (seen.some((one) => one.id === signature.id && equal(one.value, signature.value))) continue;
    seen.push(signature);
    const result = verifySignature(parsed.text, signature, key, equation);
    if (result === undefined)
      throw new NoteError(
        'bad_note_signature',
        `the signature of ${key.name} (key id ${key.id}) is not valid for this note`,
      );
    verified.push(result);
  }
  if (verified.length === 0)
    throw new NoteError('note_not_signed', 'no key that is known here signed this note');
  return { text: parsed.text, signatures: verified };
}

/** Bytes of a cosignature line's value: uint64be(timestamp) ‖ signature. */
export function cosignatureValue(timestampSeconds: number, signature: Uint8Array): Uint8Array {
  return concat(uint64be(timestampSeconds), signature);
}
