import { keccak_256 as keccak256 } from '@noble/hashes/sha3.js';
import type { Commitment, EvidenceVerifier } from '@wattproof/core/spi';
import { type BlockEvidence, inBlock, nodesOf, refuse } from './block-evidence.js';
import { originHash, registryNamed, sizeSlot } from './checkpoint-words.js';
import { bytesOf, hex, same, word } from './hex.js';
import { provenValue } from './merkle-patricia.js';
import { decodeRlp, scalarOf } from './rlp.js';

/** Evidence type of the registry's storage under a block's state root (EIP-1186). */
export const STATE_EVIDENCE = 'evm-state/1';

const OWN = ['account_proof', 'digest_proof', 'registry', 'sender', 'size_proof'];

/**
 * Checks `evm-state/1`: header → state trie → the registry's account → its storage, where size and digest of the
 * sender's log are. It says more than a receipt does: at this block nothing newer was published.
 */
export const stateVerifier: EvidenceVerifier = {
  type: STATE_EVIDENCE,
  verify: (commitment, evidence, context) =>
    inBlock(evidence, OWN, context, (block) => check(block, commitment)),
};

function check({ header, members }: BlockEvidence, { origin, size, digest }: Commitment) {
  const registry = bytesOf(members['registry']);
  const sender = bytesOf(members['sender']);
  const [account, ...slots] = ['account_proof', 'size_proof', 'digest_proof'].map((name) =>
    nodesOf(members[name]),
  );
  if (registry?.length !== 20 || sender?.length !== 20 || !account || slots.includes(undefined))
    return refuse('evidence_malformed', 'two addresses and three lists of nodes expected');
  const found = provenValue(header.stateRoot, keccak256(registry), account);
  if ('refused' in found) return refuse('proof_refused', `account: ${found.refused}`);
  const fields = decodeRlp(found.value);
  const storageRoot = fields instanceof Uint8Array ? undefined : fields[2];
  if (!(storageRoot instanceof Uint8Array) || storageRoot.length !== 32)
    return refuse('evidence_malformed', 'the account has no storage root');
  const slot = sizeSlot(sender, originHash(origin));
  const wanted = [size, BigInt(`0x${hex(digest)}`)];
  for (const [i, name] of ['size', 'digest'].entries()) {
    const key = keccak256(word(BigInt.asUintN(256, slot + BigInt(i))));
    const proven = provenValue(storageRoot, key, slots[i] as readonly Uint8Array[]);
    if ('refused' in proven) return refuse('proof_refused', `${name}: ${proven.refused}`);
    if (!same(word(scalarOf(decodeRlp(proven.value))), word(wanted[i] as bigint)))
      return refuse('commitment_not_in_state', `the registry holds another ${name}`);
  }
  return {
    statement: `${registryNamed(registry)} held the checkpoint as the newest of 0x${hex(sender)}`,
  };
}
