import { fromHex, toHex, uint32be, utf8 } from '../../verify/bytes.js';
import {
  checkpointText,
  formatTlogProof,
  parseCheckpointText,
  parseTlogProof,
  verifyCheckpoint,
  verifyTlogProof,
} from '../../verify/checkpoint.js';
import {
  cosignatureMessage,
  cosignatureValue,
  formatNote,
  formatVkey,
  noteKey,
  parseNote,
  parseVkey,
} from '../../verify/note.js';
import { inclusionProof } from '../../verify/inclusion.js';
import { merkleRoot } from '../../verify/merkle-tree-builder.js';
import { leafHash } from '../../verify/tree-hashing.js';
import { refusalOf, type CheckpointGround } from './checkpoint-refusals.js';
import { publicKeyOf, signed } from './seeded-key.js';
import {
  compare,
  each,
  guarded,
  refuses,
  unknownGroups,
  type VectorResult,
} from './vector-case.js';

interface CheckpointFile {
  readonly checkpoint?: {
    readonly origin: string;
    readonly log_seed_hex?: string;
    readonly log_public_hex: string;
    readonly log_key_id_hex: string;
    readonly vkey: string;
    readonly witness_name: string;
    readonly witness_seed_hex?: string;
    readonly witness_public_hex: string;
    readonly witness_vkey: string;
    readonly cosigned_at: number;
    readonly note: string;
  };
  readonly tlog_proof?: { readonly leaf_data_hex: string; readonly text: string };
  readonly must_reject?: readonly string[];
}

/** C2SP signed notes, checkpoints, cosignatures and tlog-proofs, with every refusal the file names. */
export function* run(file: unknown): Generator<VectorResult> {
  const vectors = file as CheckpointFile;
  const { checkpoint, tlog_proof: proof } = vectors;
  if (checkpoint !== undefined) yield* guarded('checkpoint', () => noteCases(checkpoint));
  if (proof !== undefined)
    yield* guarded('tlog_proof', () => {
      if (checkpoint === undefined) throw new TypeError('a tlog_proof needs the checkpoint group');
      return proofCases(checkpoint, proof);
    });
  yield* each('must_reject', vectors.must_reject, function* (reason) {
    const refusal = refusalOf(
      reason,
      checkpoint === undefined ? seededGround() : groundOf(checkpoint, proof),
    );
    yield refusal === undefined
      ? { name: reason, ok: false, detail: 'what this refusal means is not known here' }
      : refuses(reason, refusal);
  });
  yield* unknownGroups(file, ['checkpoint', 'tlog_proof', 'must_reject']);
}

type Checkpoint = NonNullable<CheckpointFile['checkpoint']>;
type Proof = NonNullable<CheckpointFile['tlog_proof']>;

/** What refusals are made from when their file has no note of its own. */
function seededGround(): CheckpointGround {
  const [logSeed, witnessSeed] = ['01'.repeat(32), '02'.repeat(32)] as const;
  const log = noteKey('example.com/log', fromHex(publicKeyOf(logSeed)));
  const witness = noteKey(
    'example.com/witness',
    fromHex(publicKeyOf(witnessSeed)),
    'cosignature-v1',
  );
  const leaves = [0, 1, 2, 3, 4].map((i) => leafHash('rfc9162', uint32be(i)));
  const root = merkleRoot('rfc9162', leaves);
  const text = checkpointText({ origin: log.name, size: leaves.length, root });
  const cosignature = signed(witnessSeed, cosignatureMessage(text, 1_770_000_000));
  const note = formatNote({
    text,
    signatures: [
      { ...log, value: signed(logSeed, utf8(text)) },
      { ...witness, value: cosignatureValue(1_770_000_000, cosignature) },
    ],
  });
  const proof = formatTlogProof({
    index: 2,
    path: inclusionProof('rfc9162', leaves, 2),
    checkpoint: note,
  });
  return { log, witness, note, proof, leaf: leaves[2]! };
}

function groundOf(known: Checkpoint, proof?: Proof): CheckpointGround {
  return {
    log: noteKey(known.origin, fromHex(known.log_public_hex)),
    witness: noteKey(known.witness_name, fromHex(known.witness_public_hex), 'cosignature-v1'),
    note: known.note,
    proof: proof?.text ?? '',
    leaf: leafHash('rfc9162', fromHex(proof?.leaf_data_hex ?? '')),
  };
}

function* noteCases(known: Checkpoint): Generator<VectorResult> {
  const { log, witness } = groundOf(known);
  yield compare('key id of the log', known.log_key_id_hex, () => log.id);
  yield compare('vkey of the log', known.vkey, () => formatVkey(log));
  yield compare('vkey of the witness', known.witness_vkey, () => formatVkey(witness));
  yield compare('vkeys read back', [log.id, witness.id], () =>
    [known.vkey, known.witness_vkey].map((vkey) => parseVkey(vkey).id),
  );
  yield compare('note: who signed, and when', [undefined, known.cosigned_at], () =>
    verifyCheckpoint(known.note, [log, witness]).signatures.map((one) => one.timestampSeconds),
  );
  yield compare('note: written back', known.note, () => formatNote(parseNote(known.note)));
  yield compare('checkpoint text: written back', parseNote(known.note).text, () =>
    checkpointText(parseCheckpointText(parseNote(known.note).text)),
  );
  yield compare('an unknown witness is ignored', 1, () => {
    return verifyCheckpoint(known.note, [log]).signatures.length;
  });
  const { log_seed_hex: logSeed, witness_seed_hex: witnessSeed, cosigned_at: time } = known;
  if (logSeed === undefined || witnessSeed === undefined) return;
  yield compare('keys of the seeds', [known.log_public_hex, known.witness_public_hex], () =>
    [logSeed, witnessSeed].map((seed) => publicKeyOf(seed)),
  );
  yield compare('note: made again from the seeds', known.note, () => {
    const { text } = parseNote(known.note);
    const cosignature = signed(witnessSeed, cosignatureMessage(text, time));
    return formatNote({
      text,
      signatures: [
        { ...log, value: signed(logSeed, utf8(text)) },
        { ...witness, value: cosignatureValue(time, cosignature) },
      ],
    });
  });
}

function* proofCases(known: Checkpoint, proof: Proof): Generator<VectorResult> {
  const { log, witness, leaf, note } = groundOf(known, proof);
  const checkpoint = parseCheckpointText(parseNote(note).text);
  yield compare('tlog-proof', [checkpoint.size, toHex(checkpoint.root)], () => {
    const { size, root } = verifyTlogProof(proof.text, leaf, [log, witness]);
    return [size, toHex(root)];
  });
  yield compare('tlog-proof: written back', proof.text, () =>
    formatTlogProof(parseTlogProof(proof.text)),
  );
}
