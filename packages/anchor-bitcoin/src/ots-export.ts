import { AnchorError, type ExportedProof, type ProofToExport } from '@wattproof/core/spi';
import { bytesOf, hex, readHeader } from './verify/block-header.js';
import { OP_RETURN_EVIDENCE } from './verify/op-return.verifier.js';
import { MAX_MESSAGE_BYTES, type OtsOp } from './verify/ots/ots-op.js';
import {
  attestationsOf,
  attested,
  chain,
  MAX_DEPTH,
  type OtsTimestamp,
} from './verify/ots/ots-timestamp.js';
import { OPENTIMESTAMPS_EVIDENCE } from './verify/ots/opentimestamps.verifier.js';
import { readTimestamp } from './verify/ots/read-ots.js';
import { writeOts } from './verify/ots/write-ots.js';

/** The format's name in `?format=`. */
export const OTS_FORMAT = 'ots';

const SHA256: OtsOp = { kind: 'sha256' };

/**
 * A `.ots` file: entry → batch → log → commitment, and from there what the evidence shows. Undefined when the evidence is of
 * another kind, or would need more than the reference client reads.
 */
export async function otsExport(proof: ProofToExport): Promise<ExportedProof | undefined> {
  if (proof.format !== OTS_FORMAT) return undefined;
  const tail = tailOf(proof);
  if (tail === undefined) return undefined;
  const ops = proof.steps.flatMap(({ prefix, suffix }): OtsOp[] => [
    ...(prefix.length > 0 ? [{ kind: 'prepend', bytes: prefix } as const] : []),
    ...(suffix.length > 0 ? [{ kind: 'append', bytes: suffix } as const] : []),
    SHA256,
  ]);
  if (ops.length + depthOf(tail) > MAX_DEPTH) return undefined;
  const timestamp = chain(proof.digest, ops, (reached) => {
    if (hex(reached) !== hex(proof.commitment.digest))
      throw new AnchorError('invalid', 'The steps of the proof do not lead to its commitment.');
    return tail;
  });
  return {
    mediaType: 'application/vnd.opentimestamps.ots',
    extension: 'ots',
    bytes: writeOts({ hash: 'sha256', timestamp }),
  };
}

/** From the commitment on. */
function tailOf({ commitment, evidence }: ProofToExport): OtsTimestamp | undefined {
  const { tx: txHex, branch, index, header, height, timestamp } = evidence.body;
  const root = readHeader(bytesOf(header) ?? new Uint8Array(0))?.merkleRoot;
  if (evidence.type === OPENTIMESTAMPS_EVIDENCE) {
    const read = readTimestamp(bytesOf(timestamp) as Uint8Array, commitment.digest);
    if (
      root === undefined ||
      [...attestationsOf(read)].some(({ message }) => hex(message) !== hex(root))
    )
      throw new AnchorError(
        'invalid',
        'The timestamp in the evidence does not lead to its header.',
      );
    return read;
  }
  if (evidence.type !== OP_RETURN_EVIDENCE) return undefined;
  const tx = bytesOf(txHex);
  if (
    !tx ||
    !root ||
    !Array.isArray(branch) ||
    typeof index !== 'number' ||
    typeof height !== 'number'
  )
    throw new AnchorError('invalid', 'The stored evidence is not of its type.');
  if (tx.length > MAX_MESSAGE_BYTES) return undefined;
  const at = hex(tx).indexOf(hex(commitment.digest)) / 2;
  if (!Number.isInteger(at) || at < 0)
    throw new AnchorError(
      'invalid',
      'The transaction in the evidence does not hold the commitment.',
    );
  const siblings = branch.map((sibling, level): OtsOp => ({
    // A block has far fewer than 2³¹ transactions.
    kind: (index >> level) % 2 === 1 ? 'prepend' : 'append',
    bytes: bytesOf(sibling) as Uint8Array,
  }));
  const ops: OtsOp[] = [
    { kind: 'prepend', bytes: tx.slice(0, at) },
    { kind: 'append', bytes: tx.slice(at + commitment.digest.length) },
    ...[undefined, ...siblings].flatMap((op) => (op ? [op, SHA256, SHA256] : [SHA256, SHA256])),
  ];
  return chain(commitment.digest, ops, (reached) => {
    if (hex(reached) !== hex(root))
      throw new AnchorError('invalid', 'The branch in the evidence does not lead to its header.');
    return attested(reached, { kind: 'bitcoin', height });
  });
}

function depthOf({ branches }: OtsTimestamp): number {
  return branches.reduce((most, { next }) => Math.max(most, 1 + depthOf(next)), 0);
}
