import type { BatchChainStore, ChainedBatch } from '../devices/batch-chain.store.js';
import { toHex } from '../verify/bytes.js';
import type { ChainPlace } from '../verify/envelopes/index.js';
import type { ReadingFacts } from '../verify/formats/format.js';
import type { SayFork } from './equivocation.js';
import { deviceOfKey, type Authentication } from './authenticate.js';
import { Refusal } from './refusal.js';

/** Step: the readings of a chained batch carry exactly the numbers it signs for them, in order. */
export function checkNumbers(
  { first }: ChainPlace,
  items: readonly { readonly reading: Pick<ReadingFacts, 'sequence'> }[],
): Refusal | undefined {
  for (const [index, { reading }] of items.entries())
    if (reading.sequence !== first + BigInt(index))
      return new Refusal(
        'batch_chain_invalid',
        `item ${index} of the batch has the number ${reading.sequence ?? 'none'}, its place is that of ${first + BigInt(index)}`,
      );
  return undefined;
}

/**
 * Step: puts a batch whose signature is good behind the one it names. Before its readings are committed: a batch that is sent again after
 * a crash is known, and its readings are taken then. Undefined when it stands.
 */
export async function extendChain(
  chains: BatchChainStore,
  answers: readonly (Authentication | Refusal)[],
  batch: Pick<
    ChainedBatch,
    'previous' | 'first' | 'last' | 'root' | 'hash' | 'signature' | 'receivedAtMs'
  >,
  say: SayFork,
): Promise<Refusal | undefined> {
  const known = answers.find((answer): answer is Authentication => !(answer instanceof Refusal));
  if (known?.key === undefined) return undefined;
  const { keyId, alg, publicKey, epoch } = known.key;
  const device = deviceOfKey(known.key);
  const chained = { ...batch, device, epoch, keyId, alg, publicKey };
  const outcome = await chains.extend(chained);
  switch (outcome.kind) {
    case 'gap': {
      const { newest } = outcome;
      return new Refusal(
        'chain_gap',
        newest === undefined
          ? 'the batch before is not here; send the batches in order, or begin a chain with "previous" of zeros'
          : `the batch before is not here; the chain ends at reading ${newest.last} with batch ${toHex(newest.hash)}`,
      );
    }
    case 'fork': {
      const fork = { batch: chained, rival: outcome.rival };
      await chains.noteFork(fork, (meters) => say(fork, meters));
      return new Refusal(
        'chain_fork',
        `readings ${outcome.rival.first} to ${outcome.rival.last} were signed before in another batch, ${toHex(outcome.rival.hash)}`,
      );
    }
    default:
      return undefined;
  }
}
