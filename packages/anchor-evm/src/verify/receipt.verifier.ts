import type { Commitment, EvidenceVerifier } from '@wattproof/core/spi';
import { type BlockEvidence, inBlock, nodesOf, refuse } from './block-evidence.js';
import { CHECKPOINT_TOPIC, originHash, registryNamed } from './checkpoint-words.js';
import { hex, same, word } from './hex.js';
import { provenValue } from './merkle-patricia.js';
import { decodeRlp, encodeRlp, type Rlp, scalar } from './rlp.js';

/** Evidence type of a registry event in a transaction receipt. */
export const RECEIPT_EVIDENCE = 'evm-receipt/1';

/** Checks `evm-receipt/1`: header → receipts trie → receipt → the registry's event with origin, size and digest. */
export const receiptVerifier: EvidenceVerifier = {
  type: RECEIPT_EVIDENCE,
  verify: (commitment, evidence, context) =>
    inBlock(evidence, ['index', 'proof'], context, (block) => check(block, commitment)),
};

function check({ header, members }: BlockEvidence, commitment: Commitment) {
  const { index } = members;
  const proof = nodesOf(members['proof']);
  if (!proof || typeof index !== 'number' || !Number.isSafeInteger(index) || index < 0)
    return refuse('evidence_malformed', 'proof is a list of nodes, index a whole number');
  const key = keyOf(index);
  const proven = provenValue(header.receiptsRoot, key, proof);
  if ('refused' in proven) return refuse('proof_refused', proven.refused);
  const receipt = decodeRlp(untyped(proven.value));
  const [status, , , logs] = receipt instanceof Uint8Array ? [] : receipt;
  if (!(status instanceof Uint8Array) || !same(status, Uint8Array.of(1)))
    return refuse('transaction_reverted', 'the receipt is not one of success');
  const found = logs instanceof Uint8Array ? undefined : logs?.find((log) => says(log, commitment));
  if (found === undefined)
    return refuse(
      'commitment_not_in_receipt',
      `no event publishes ${hex(commitment.digest)} of ${commitment.origin} at size ${commitment.size}`,
    );
  const [registry, topics] = found as readonly [Uint8Array, readonly Uint8Array[]];
  const sender = (topics[1] as Uint8Array).slice(12);
  return {
    statement: `${registryNamed(registry)} recorded the checkpoint for 0x${hex(sender)}, transaction ${index}`,
  };
}

/** Receipts and transactions are keyed by the RLP of their index. */
export const keyOf = (index: number): Uint8Array => encodeRlp(scalar(index));

/** A typed receipt or transaction has its type in front (EIP-2718). */
export const untyped = (bytes: Uint8Array): Uint8Array =>
  (bytes[0] as number) < 0x80 ? bytes.slice(1) : bytes;

function says(log: Rlp, { origin, size, digest }: Commitment): boolean {
  const [registry, topics, data] = log instanceof Uint8Array ? [] : log;
  if (!(registry instanceof Uint8Array) || registry.length !== 20) return false;
  if (!Array.isArray(topics) || !(data instanceof Uint8Array)) return false;
  const [event, sender, ...rest] = topics as readonly Rlp[];
  const is = (item: Rlp | undefined, bytes: Uint8Array): boolean =>
    item instanceof Uint8Array && same(item, bytes);
  return (
    rest.length === 2 &&
    is(event, CHECKPOINT_TOPIC) &&
    sender instanceof Uint8Array &&
    sender.length === 32 &&
    is(rest[0], originHash(origin)) &&
    is(rest[1], digest) &&
    same(data, word(size))
  );
}
