import type {
  Commitment,
  Evidence,
  EvidenceContext,
  EvidenceVerdict,
  EvidenceVerifier,
  JsonObject,
} from '@wattproof/core/spi';
import { hasWork, networkOfLedger } from './known-chains.js';
import { bytesOf, type BlockHeader, hex, readHeader } from './block-header.js';
import { branchRoot, doubleSha256 } from './merkle-branch.js';
import {
  commitsTo,
  isAmbiguous,
  MalformedTransaction,
  readTransaction,
  statedHeight,
} from './transaction.js';

/** Evidence type of a commitment in an OP_RETURN output. */
export const OP_RETURN_EVIDENCE = 'bitcoin-op-return/1';

const KEYS = [
  'block_hash',
  'branch',
  'coinbase',
  'coinbase_branch',
  'header',
  'height',
  'index',
  'tx',
];

/** Which locking script commits to this digest, by what else the evidence says. */
type Commits = (digest: Uint8Array, body: JsonObject) => Promise<(script: Uint8Array) => boolean>;

/** Checks `bitcoin-op-return/1`. */
export const opReturnVerifier = spvVerifier(
  OP_RETURN_EVIDENCE,
  [],
  async (digest) => (script) => commitsTo(script, digest),
);

/**
 * Checks transaction → Merkle branch → header → the header source. The coinbase branch pins the
 * depth of the tree, so that an inner node cannot pass for a transaction. With a header source the level is
 * `spv-pow`; without one only the operator says that the header belongs to the best chain.
 */
export function spvVerifier(
  type: string,
  furtherKeys: readonly string[],
  commits: Commits,
): EvidenceVerifier {
  return {
    type,
    async verify(commitment, evidence, context) {
      const { body } = evidence;
      const read = readBody(body, [...KEYS, ...furtherKeys].sort());
      if ('detail' in read) return read;
      if (evidence.trust !== 'spv-pow')
        return refuse(
          'evidence_malformed',
          `a block of Bitcoin proves spv-pow, not ${evidence.trust}`,
        );
      const carries = await commits(commitment.digest, body);
      return check({ ...read, carries }, commitment, evidence, context);
    },
  };
}

interface Body {
  readonly tx: Uint8Array;
  readonly coinbase: Uint8Array;
  readonly branch: readonly Uint8Array[];
  readonly coinbaseBranch: readonly Uint8Array[];
  readonly headerBytes: Uint8Array;
  readonly header: BlockHeader;
  readonly index: number;
  readonly height: number;
  readonly carries: (script: Uint8Array) => boolean;
}

const refuse = (code: string, detail: string) => ({ ok: false as const, code, detail });

function readBody(
  body: JsonObject,
  expected: readonly string[],
): Omit<Body, 'carries'> | ReturnType<typeof refuse> {
  const keys = Object.keys(body).sort();
  if (keys.join() !== expected.join())
    return refuse(
      'evidence_malformed',
      `fields ${keys.join(', ')}; expected ${expected.join(', ')}`,
    );
  const tx = bytesOf(body['tx']);
  const coinbase = bytesOf(body['coinbase']);
  const headerBytes = bytesOf(body['header']);
  const branch = branchBytes(body['branch']);
  const coinbaseBranch = branchBytes(body['coinbase_branch']);
  const header = headerBytes && readHeader(headerBytes);
  const { index, height } = body;
  if (!tx || !coinbase || !headerBytes || !header || !branch || !coinbaseBranch)
    return refuse('evidence_malformed', 'a field is not the hex it should be');
  if (
    typeof index !== 'number' ||
    typeof height !== 'number' ||
    !Number.isSafeInteger(height) ||
    height < 0
  )
    return refuse('evidence_malformed', 'index and height are whole numbers');
  if (header.hash !== body['block_hash'])
    return refuse(
      'header_mismatch',
      `the header hashes to ${header.hash}, not to ${JSON.stringify(body['block_hash'])}`,
    );
  return { tx, coinbase, branch, coinbaseBranch, headerBytes, header, index, height };
}

async function check(
  body: Body,
  commitment: Commitment,
  evidence: Evidence,
  context: EvidenceContext,
): Promise<EvidenceVerdict> {
  const network = networkOfLedger(evidence.ledger);
  if (network === undefined)
    return refuse('ledger_unknown', `${JSON.stringify(evidence.ledger)} is no Bitcoin network`);
  try {
    const ambiguous = refuse(
      'transaction_ambiguous',
      'a 64-byte transaction can be an inner node of the tree',
    );
    if (isAmbiguous(body.tx) || isAmbiguous(body.coinbase)) return ambiguous;
    const transaction = readTransaction(body.tx);
    const coinbase = readTransaction(body.coinbase);
    if (isAmbiguous(transaction.stripped) || isAmbiguous(coinbase.stripped)) return ambiguous;
    if ([transaction, coinbase].some(({ witness }) => witness))
      return refuse(
        'transaction_malformed',
        'a transaction carries a witness, which its id and so the header say nothing of',
      );
    if (!coinbase.coinbaseScript)
      return refuse('coinbase_invalid', 'the first transaction of the block is not a coinbase');
    if (statedHeight(coinbase.coinbaseScript) !== body.height)
      return refuse(
        'height_mismatch',
        `the coinbase does not state height ${body.height} (BIP-34)`,
      );
    if (transaction.outputs.filter(({ script }) => body.carries(script)).length !== 1) {
      return refuse(
        'commitment_not_in_transaction',
        `no output commits to ${hex(commitment.digest)}`,
      );
    }
    const placed = branchRoot({
      leaf: doubleSha256(transaction.stripped),
      index: body.index,
      depth: body.coinbaseBranch.length,
      branch: body.branch,
    });
    if ('refused' in placed) return refuse('branch_refused', placed.refused);
    const first = branchRoot({
      leaf: doubleSha256(coinbase.stripped),
      index: 0,
      depth: body.coinbaseBranch.length,
      branch: body.coinbaseBranch,
    });
    if ('refused' in first) return refuse('branch_refused', `coinbase: ${first.refused}`);
    for (const { root } of [placed, first]) {
      if (hex(root) !== hex(body.header.merkleRoot))
        return refuse('branch_mismatch', 'a branch does not lead to the header');
    }
    if (!hasWork(body.header, network))
      return refuse('work_missing', `the header has not the proof of work of ${network}`);
    return judgeHeader(body, evidence, context);
  } catch (cause) {
    if (cause instanceof MalformedTransaction)
      return refuse('transaction_malformed', cause.message);
    throw cause;
  }
}

async function judgeHeader(
  body: Body,
  evidence: Evidence,
  context: EvidenceContext,
): Promise<EvidenceVerdict> {
  const where = `transaction ${hex(doubleSha256(readTransaction(body.tx).stripped).reverse())} in block ${body.height} (${body.header.hash}) of ${evidence.ledger}`;
  const notAfterMs = body.header.timeS * 1000;
  if (!context.headers) {
    return {
      ok: true,
      trust: 'operator',
      statement: `${where}; that this block is on the best chain is the operator's word, no headers were given`,
      notAfterMs,
    };
  }
  const known = await context.headers.header(evidence.ledger, { height: body.height });
  if (!known) {
    return {
      ok: true,
      trust: 'operator',
      statement: `${where}; the given headers do not reach this height`,
      notAfterMs,
    };
  }
  if (hex(known) !== hex(body.headerBytes))
    return refuse(
      'header_not_on_chain',
      `the given headers have another block at height ${body.height}`,
    );
  return {
    ok: true,
    trust: 'spv-pow',
    statement: `${where}, which the given headers confirm`,
    notAfterMs,
  };
}

function branchBytes(value: unknown): Uint8Array[] | undefined {
  if (!Array.isArray(value) || value.length > 32) return undefined;
  const branch = value.map(bytesOf);
  return branch.every((step) => step !== undefined) ? branch : undefined;
}
