import { keccak_256 as keccak256 } from '@noble/hashes/sha3.js';
import type { Commitment, EvidenceVerifier } from '@wattproof/core/spi';
import { type BlockEvidence, chainIdOf, inBlock, nodesOf, refuse } from './block-evidence.js';
import { calldataOf } from './checkpoint-words.js';
import { hex, same } from './hex.js';
import { provenValue } from './merkle-patricia.js';
import { keyOf } from './receipt.verifier.js';
import { decodeRlp, scalarOf } from './rlp.js';

/** Evidence type of a commitment in the calldata of a transaction. */
export const CALLDATA_EVIDENCE = 'evm-calldata/1';

/** EIP-1559: chain id, nonce, tip, max fee, gas, to, value, data, access list, and the signature's three numbers. */
const DYNAMIC_FEE_TYPE = 2;
const DYNAMIC_FEE_FIELDS = 12;

/** Checks `evm-calldata/1`: header → transactions trie → transaction → calldata that is exactly this commitment's. */
export const calldataVerifier: EvidenceVerifier = {
  type: CALLDATA_EVIDENCE,
  verify: (commitment, evidence, context) =>
    inBlock(evidence, ['index', 'proof'], context, (block) =>
      check(block, commitment, chainIdOf(evidence.ledger)),
    ),
};

function check(
  { header, members }: BlockEvidence,
  commitment: Commitment,
  chainId: bigint | undefined,
) {
  const { index } = members;
  const proof = nodesOf(members['proof']);
  if (!proof || typeof index !== 'number' || !Number.isSafeInteger(index) || index < 0)
    return refuse('evidence_malformed', 'proof is a list of nodes, index a whole number');
  const proven = provenValue(header.transactionsRoot, keyOf(index), proof);
  if ('refused' in proven) return refuse('proof_refused', proven.refused);
  const transaction = proven.value;
  const fields =
    transaction[0] === DYNAMIC_FEE_TYPE ? decodeRlp(transaction.slice(1)) : new Uint8Array();
  if (fields instanceof Uint8Array || fields.length !== DYNAMIC_FEE_FIELDS)
    return refuse('transaction_malformed', 'not a transaction of type 2');
  if (scalarOf(fields[0]) !== chainId)
    return refuse('other_chain', `the transaction is for chain ${scalarOf(fields[0])}`);
  const data = fields[7];
  if (!(data instanceof Uint8Array) || !same(data, calldataOf(commitment)))
    return refuse(
      'commitment_not_in_transaction',
      `the calldata is not that of ${hex(commitment.digest)}`,
    );
  return { statement: `transaction 0x${hex(keccak256(transaction))} carries the checkpoint` };
}
