import { fromHex } from '../../verify/bytes.js';
import {
  checkpointText,
  parseCheckpointText,
  parseTlogProof,
  verifyCheckpoint,
  verifyTlogProof,
} from '../../verify/checkpoint.js';
import { formatNote, formatVkey, noteKey, parseNote, parseVkey } from '../../verify/note.js';
import { leafHash } from '../../verify/tree-hashing.js';
import { compare, refuses, type VectorResult } from './vector-case.js';

interface CheckpointFile {
  readonly checkpoint: {
    readonly origin: string;
    readonly log_public_hex: string;
    readonly log_key_id_hex: string;
    readonly vkey: string;
    readonly witness_name: string;
    readonly witness_public_hex: string;
    readonly witness_vkey: string;
    readonly cosigned_at: number;
    readonly note: string;
  };
  readonly tlog_proof: { readonly leaf_data_hex: string; readonly text: string };
}

/** C2SP signed notes, checkpoints, cosignatures and tlog-proofs, with every refusal the file names. */
export function* run(file: unknown): Generator<VectorResult> {
  const { checkpoint: known, tlog_proof: proof } = file as CheckpointFile;
  const log = noteKey(known.origin, fromHex(known.log_public_hex));
  const witness = noteKey(known.witness_name, fromHex(known.witness_public_hex), 'cosignature-v1');
  yield compare('key id of the log', known.log_key_id_hex, () => log.id);
  yield compare('vkey of the log', known.vkey, () => formatVkey(log));
  yield compare('vkey of the witness', known.witness_vkey, () => formatVkey(witness));
  yield compare('vkeys read back', [log.id, witness.id], () =>
    [known.vkey, known.witness_vkey].map((vkey) => parseVkey(vkey).id),
  );
  yield refuses('a vkey whose id is another key’s', () =>
    parseVkey(known.vkey.replace(known.log_key_id_hex, '00000000')),
  );
  const keys = [log, witness];
  yield compare('note: who signed, and when', [undefined, known.cosigned_at], () =>
    verifyCheckpoint(known.note, keys).signatures.map((one) => one.timestampSeconds),
  );
  yield compare('note: written back', known.note, () => formatNote(parseNote(known.note)));
  const { text, signatures } = parseNote(known.note);
  yield compare('checkpoint text: written back', text, () =>
    checkpointText(parseCheckpointText(text)),
  );
  yield compare('an unknown witness is ignored', 1, () => {
    return verifyCheckpoint(known.note, [log]).signatures.length;
  });

  yield refuses('a size with a leading zero', () =>
    parseCheckpointText(text.replace(/\n(\d+)\n/, '\n0$1\n')),
  );
  yield refuses('a text without its final line feed', () => parseCheckpointText(text.slice(0, -1)));
  yield refuses('a note without its final line feed', () =>
    verifyCheckpoint(known.note.slice(0, -1), keys),
  );
  yield refuses('a text with another line', () => parseCheckpointText(`${text}more\n`));
  const broken = (index: number): string =>
    formatNote({
      text,
      signatures: signatures.map((one, i) =>
        i === index ? { ...one, value: one.value.map((b, at) => (at === 20 ? b ^ 1 : b)) } : one,
      ),
    });
  yield refuses('a bad signature of a known key while another passes', () =>
    verifyCheckpoint(broken(1), keys),
  );
  yield refuses('a bad signature of the log', () => verifyCheckpoint(broken(0), keys));
  yield refuses('a note signed by a witness alone', () => verifyCheckpoint(known.note, [witness]));
  yield refuses('a cosignature with timestamp 0', () =>
    verifyCheckpoint(
      formatNote({
        text,
        signatures: signatures.map((one) =>
          one.id === witness.id ? { ...one, value: one.value.map((b, i) => (i < 8 ? 0 : b)) } : one,
        ),
      }),
      keys,
    ),
  );

  const leaf = leafHash('rfc9162', fromHex(proof.leaf_data_hex));
  yield compare('tlog-proof', 8, () => verifyTlogProof(proof.text, leaf, keys).size);
  yield compare('tlog-proof: index', 5, () => parseTlogProof(proof.text).index);
  for (const index of ['8', '9', '4', '05', '-5'])
    yield refuses(`tlog-proof with index ${index}`, () =>
      verifyTlogProof(proof.text.replace('index 5', `index ${index}`), leaf, keys),
    );
  yield refuses('tlog-proof for another leaf', () =>
    verifyTlogProof(proof.text, leafHash('rfc9162', fromHex('00')), keys),
  );
}
