import { fromUtf8, toHex } from '@wattproof/core/verify';
import { OtsError } from './ots-error.js';
import {
  applyOp,
  HASH_LENGTHS,
  MAX_MESSAGE_BYTES,
  OP_TAGS,
  type OtsHash,
  type OtsOp,
} from './ots-op.js';
import {
  type DetachedTimestamp,
  MAX_DEPTH,
  type OtsAttestation,
  type OtsTimestamp,
} from './ots-timestamp.js';
import { BITCOIN_TAG, MAGIC, MAJOR_VERSION, PENDING_TAG } from './write-ots.js';

/** Largest payload of an attestation, and longest address of a calendar (python-opentimestamps, `notary.py`). */
const MAX_PAYLOAD_BYTES = 8192;
const MAX_URI_BYTES = 1000;
/** What is looked at: a proof has a few kilobytes. */
const MAX_FILE_BYTES = 128 * 1024;

const OP_KINDS = new Map(
  Object.entries(OP_TAGS).map(([kind, tag]) => [tag, kind as OtsOp['kind']]),
);

/** Reads a `.ots` file. Throws `bad_ots` on everything that the reference client refuses. */
export function readOts(bytes: Uint8Array): DetachedTimestamp {
  const cursor = new Cursor(bytes);
  if (toHex(cursor.take(MAGIC.length)) !== toHex(MAGIC))
    throw new OtsError('The file does not begin as an OpenTimestamps proof does.');
  const version = cursor.varuint();
  if (version !== MAJOR_VERSION) throw new OtsError(`Version ${version} is not known.`);
  const hash = OP_KINDS.get(cursor.byte());
  if (hash === undefined || !(hash in HASH_LENGTHS))
    throw new OtsError('The file was hashed with something unknown.');
  const digest = cursor.take(HASH_LENGTHS[hash as OtsHash]);
  const timestamp = readNode(cursor, digest, MAX_DEPTH);
  cursor.end();
  return { hash: hash as OtsHash, timestamp };
}

/** Reads what a calendar answers: the timestamp of a message both sides know. Throws `bad_ots`. */
export function readTimestamp(bytes: Uint8Array, message: Uint8Array): OtsTimestamp {
  const cursor = new Cursor(bytes);
  const timestamp = readNode(cursor, message, MAX_DEPTH);
  cursor.end();
  return timestamp;
}

function readNode(cursor: Cursor, message: Uint8Array, depthLeft: number): OtsTimestamp {
  if (depthLeft < 0) throw new OtsError(`More than ${MAX_DEPTH} operations one after another.`);
  const attestations: OtsAttestation[] = [];
  const branches: { op: OtsOp; next: OtsTimestamp }[] = [];
  const part = (tag: number) => {
    if (tag === 0x00) {
      attestations.push(readAttestation(cursor));
      return;
    }
    const op = readOp(cursor, tag);
    branches.push({ op, next: readNode(cursor, applyOp(op, message), depthLeft - 1) });
  };
  let tag = cursor.byte();
  for (; tag === 0xff; tag = cursor.byte()) part(cursor.byte());
  part(tag);
  return { message, attestations, branches };
}

function readOp(cursor: Cursor, tag: number): OtsOp {
  const kind = OP_KINDS.get(tag);
  if (kind === undefined) throw new OtsError(`Operation 0x${tag.toString(16)} is not known.`);
  if (kind !== 'append' && kind !== 'prepend') return { kind };
  return { kind, bytes: cursor.varbytes(1, MAX_MESSAGE_BYTES) };
}

function readAttestation(cursor: Cursor): OtsAttestation {
  const tag = toHex(cursor.take(8));
  const payload = cursor.varbytes(0, MAX_PAYLOAD_BYTES);
  if (tag !== BITCOIN_TAG && tag !== PENDING_TAG) return { kind: 'unknown', tag, payload };
  const inside = new Cursor(payload);
  const read: OtsAttestation =
    tag === BITCOIN_TAG
      ? { kind: 'bitcoin', height: inside.varuint() }
      : { kind: 'pending', uri: calendarUri(inside.varbytes(0, MAX_URI_BYTES)) };
  inside.end();
  return read;
}

/** Nothing that a shell, a URL library or a terminal could take for something else. */
function calendarUri(bytes: Uint8Array): string {
  if (bytes.some((byte) => byte >= 0x80)) throw new OtsError('A calendar is not named in ASCII.');
  const uri = fromUtf8(bytes);
  if (!/^[A-Za-z0-9._/:-]*$/.test(uri))
    throw new OtsError('The address of a calendar has characters that are not allowed there.');
  return uri;
}

class Cursor {
  #at = 0;

  constructor(private readonly bytes: Uint8Array) {
    if (bytes.length > MAX_FILE_BYTES)
      throw new OtsError(`${bytes.length} bytes are more than a proof has.`);
  }

  byte(): number {
    return this.take(1)[0]!;
  }

  take(length: number): Uint8Array {
    if (this.#at + length > this.bytes.length)
      throw new OtsError(`The proof is cut short at byte ${this.#at}.`);
    this.#at += length;
    return this.bytes.slice(this.#at - length, this.#at);
  }

  /** LEB128, at most 2⁵³ − 1. */
  varuint(): number {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = this.byte();
      value += (byte & 0x7f) * shift;
      if (!Number.isSafeInteger(value) || shift > 2 ** 49)
        throw new OtsError('A number is too large.');
      if (byte < 0x80) return value;
    }
  }

  varbytes(least: number, most: number): Uint8Array {
    const length = this.varuint();
    if (length < least || length > most)
      throw new OtsError(`${length} bytes where ${least} to ${most} are allowed.`);
    return this.take(length);
  }

  end(): void {
    if (this.#at !== this.bytes.length)
      throw new OtsError(`${this.bytes.length - this.#at} bytes are left over.`);
  }
}
