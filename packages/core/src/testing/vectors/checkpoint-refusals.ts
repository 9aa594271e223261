import { generateKeyPairSync, sign } from 'node:crypto';
import { fromHex, toBase64, utf8 } from '../../verify/bytes.js';
import {
  parseCheckpointText,
  parseTlogProof,
  verifyCheckpoint,
  verifyTlogProof,
} from '../../verify/checkpoint.js';
import { readingMessage } from '../../verify/device-signing.js';
import { verifyEd25519 } from '../../verify/ed25519.js';
import {
  NoteError,
  formatNote,
  formatVkey,
  noteKey,
  parseNote,
  parseVkey,
  type NoteKey,
  type NoteSignature,
} from '../../verify/note.js';
import { canonicalizeJsonText } from '../../verify/rfc8785.js';
import { leafHash } from '../../verify/tree-hashing.js';

/** A note and a proof that are fine; what is to be refused is made from them. */
export interface CheckpointGround {
  readonly log: NoteKey;
  readonly witness: NoteKey;
  readonly note: string;
  readonly proof: string;
  /** Leaf hash that `proof` is about. */
  readonly leaf: Uint8Array;
}

type Refusal = (ground: CheckpointGround) => unknown;

/** What words about something that must be refused mean, each with the call that must refuse it. The first that fits counts. */
const REFUSALS: readonly (readonly [RegExp, Refusal])[] = [
  [/non-canonical.*json/i, signedAsReceived],
  [/vkey.*(plus|\+|space)|(name|origin).*(plus|\+|space)/i, named('a b', 'a+b', 'a\u00a0b')],
  [/vkey.*(id|hash)|key (id|hash).*(wrong|mismatch|not match)/i, wrongKeyId],
  [
    /vkey.*(type|algorithm)/i,
    (g) => parseVkey(`${g.log.name}+${g.log.id}+${toBase64(new Uint8Array(33))}`),
  ],
  [/proof.*index/i, otherIndices],
  [/proof.*(trailing|extra|too long)/i, proofPath((lines) => [...lines, lines[0]!])],
  [/proof.*(missing|too short|truncated)/i, proofPath((lines) => lines.slice(1))],
  [/proof.*(order|swap)/i, proofPath((lines) => lines.toReversed())],
  [/proof.*(first line|version|header|magic)/i, edited('proof', /@v1/, '@v2')],
  [
    /proof.*(leaf|data)/i,
    (g) => verifyTlogProof(g.proof, leafHash('rfc9162', fromHex('00')), [g.log]),
  ],
  [/(timestamp|time).*(0|zero)/i, withTimestamp(0)],
  [/cosignature.*(time|alter|tamper|change)/i, withTimestamp(200)],
  [/(known|same) key.*(fail|bad|invalid|wrong|corrupt)|bad signature/i, brokenSignatures],
  [
    /witness (alone|only)|without.*log|no log signature/i,
    (g) => verifyCheckpoint(g.note, [g.witness]),
  ],
  [/unknown key|no known|unsigned|(no|without).*signatures?/i, (g) => verifyCheckpoint(g.note, [])],
  [/leading zero/i, edited('text', /\n(\d+)\n/, '\n0$1\n')],
  [/size.*(negative|minus)|negative.*size/i, edited('text', /\n(\d+)\n/, '\n-$1\n')],
  [
    /size.*(plus|\+|sign|hex|space|decimal|number|empty)/i,
    sizes('+8', '0x8', ' 8', '8 ', '8.0', '8e0', '', 'x'),
  ],
  [/final newline|line feed|trailing newline/i, withoutFinalLineFeed],
  [/\bcrlf|carriage/i, edited('note', /\n/g, '\r\n')],
  [
    /(root|hash).*(short|long|32|length|bytes)/i,
    roots(toBase64(new Uint8Array(31)), toBase64(new Uint8Array(33)), ''),
  ],
  [
    /(root|hash).*base64|base64/i,
    roots('AAA', `${'A'.repeat(42)}B=`, `${'A'.repeat(42)}_=`, `${'A'.repeat(43)}= `),
  ],
  [/origin.*(empty|missing)|empty origin|(no|missing) origin/i, edited('text', /^[^\n]*/, '')],
  [/origin|other log|another log/i, otherOrigin],
  [/extension|(extra|fourth|another) line/i, edited('text', /$/, 'more\n')],
  [/control character|tab\b/i, edited('note', /^/, '\t')],
  [/separator|empty line|blank line/i, edited('note', /\n\n/, '\n')],
  [
    /(root|size|text|body).*(alter|tamper|change|modif|flip)|(alter|tamper|chang|modif|flip).*(root|size|text|body)/i,
    edited('note', /\n(\d+)\n/, '\n1$1\n'),
  ],
];

/** The call that must be refused for a reason given in words; undefined when the words say nothing that is known here. */
export function refusalOf(reason: string, ground: CheckpointGround): (() => unknown) | undefined {
  const refusal = REFUSALS.find(([words]) => words.test(reason))?.[1];
  return refusal === undefined ? undefined : () => refusal(ground);
}

/** Every one of the calls must be refused: returns what the first that was not returned. */
function all(calls: readonly (() => unknown)[]): unknown {
  let last: unknown;
  for (const call of calls)
    try {
      return call();
    } catch (error) {
      last = error;
      if (!(error instanceof NoteError)) throw error;
    }
  throw last;
}

function keysOf({ log, witness }: CheckpointGround): readonly NoteKey[] {
  return [log, witness];
}

/** Note, its text or the proof with one thing replaced. A change that changes nothing is accepted, and so is seen. */
function edited(what: 'note' | 'text' | 'proof', found: RegExp, by: string): Refusal {
  return (ground) => {
    if (what === 'note') return verifyCheckpoint(ground.note.replace(found, by), keysOf(ground));
    if (what === 'text') return parseCheckpointText(parseNote(ground.note).text.replace(found, by));
    return verifyTlogProof(ground.proof.replace(found, by), ground.leaf, keysOf(ground));
  };
}

function each(edits: readonly Refusal[]): Refusal {
  return (ground) => all(edits.map((edit) => () => edit(ground)));
}

function sizes(...texts: readonly string[]): Refusal {
  return each(texts.map((text) => edited('text', /\n(\d+)\n/, `\n${text}\n`)));
}

function roots(...texts: readonly string[]): Refusal {
  return each(texts.map((text) => edited('text', /[^\n]*\n$/, `${text}\n`)));
}

/** Indices the tree does not have, another one that it has, and the right one written otherwise. */
function otherIndices(ground: CheckpointGround): unknown {
  const { size } = parseCheckpointText(parseNote(ground.note).text);
  const { index } = parseTlogProof(ground.proof);
  const others = [size, size + 1, index + 1, `0${index}`, `-${index + 1}`, '9007199254740993'];
  return each(others.map((other) => edited('proof', /index \d+/, `index ${other}`)))(ground);
}

function named(...names: readonly string[]): Refusal {
  return (g) => all(names.map((name) => () => noteKey(name, g.log.publicKey)));
}

function proofPath(change: (lines: readonly string[]) => readonly string[]): Refusal {
  return (g) => {
    const gap = g.proof.indexOf('\n\n');
    const [head, index, ...hashes] = g.proof.slice(0, gap).split('\n');
    const lines = [head, index, ...change(hashes)].join('\n');
    return verifyTlogProof(`${lines}${g.proof.slice(gap)}`, g.leaf, keysOf(g));
  };
}

function withSignatures(
  ground: CheckpointGround,
  change: (signature: NoteSignature) => Uint8Array,
): unknown {
  const { text, signatures } = parseNote(ground.note);
  const changed = signatures.map((one) => ({ ...one, value: change(one) }));
  return verifyCheckpoint(formatNote({ text, signatures: changed }), keysOf(ground));
}

function withTimestamp(seconds: number): Refusal {
  return (ground) =>
    withSignatures(ground, ({ id, value }) =>
      id === ground.witness.id
        ? value.map((byte, i) => (i < 7 ? 0 : i < 8 ? seconds : byte))
        : value,
    );
}

/** One signature broken while the other passes, each in turn. */
function brokenSignatures(ground: CheckpointGround): unknown {
  return all(
    [ground.log, ground.witness].map(
      (key) => () =>
        withSignatures(ground, ({ id, value }) =>
          id === key.id ? value.map((byte, i) => (i === 20 ? byte ^ 1 : byte)) : value,
        ),
    ),
  );
}

function wrongKeyId({ log }: CheckpointGround): unknown {
  return parseVkey(formatVkey({ ...log, id: '00000000' }));
}

function withoutFinalLineFeed(ground: CheckpointGround): unknown {
  return all([
    () => parseCheckpointText(parseNote(ground.note).text.slice(0, -1)),
    () => verifyCheckpoint(ground.note.slice(0, -1), keysOf(ground)),
  ]);
}

/** The log's own key, under another name, signs nothing of this origin. */
function otherOrigin(ground: CheckpointGround): unknown {
  const other = noteKey('example.com/another-log', ground.log.publicKey);
  return verifyCheckpoint(ground.note, [other, ground.witness]);
}

/** A device signs canonical bytes: its signature over the text as it was sent is none. */
function signedAsReceived(): unknown {
  const sent = '{"energy_kwh": 1.50, "meter_id": "m"}';
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const message = (bytes: Uint8Array): Uint8Array =>
    readingMessage('vector/1', '0123456789abcdef', bytes);
  const signature = sign(null, message(utf8(sent)), privateKey);
  const key = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  if (!verifyEd25519(signature, message(utf8(sent)), key)) return 'the signature is none at all';
  if (verifyEd25519(signature, message(canonicalizeJsonText(sent)), key)) return 'accepted';
  throw new NoteError('bad_note_signature', 'signed as received');
}
