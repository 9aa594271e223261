import { AnchorError, type Inclusion, type JsonObject } from '@wattproof/core/spi';
import type { BitcoinBackend } from './bitcoin-backend.js';
import { bytesOf, hex } from './verify/block-header.js';
import { branchOf } from './verify/merkle-branch.js';
import { readTransaction } from './verify/transaction.js';

/** The body of OP_RETURN evidence: the transaction, its branch and the coinbase's, the header. */
export async function spvProof(
  node: BitcoinBackend,
  signed: Uint8Array,
  txId: string,
  { blockHash, height }: Inclusion,
  signal: AbortSignal,
): Promise<JsonObject> {
  const { header, txIds } = await node.block(blockHash, signal);
  const coinbase = await node.transaction(txIds[0] as string, signal, blockHash);
  const ids = txIds.map((id) => (bytesOf(id) as Uint8Array).reverse());
  const index = txIds.indexOf(txId);
  if (index < 0 || !coinbase)
    throw new AnchorError('not-found', `Block ${blockHash} does not list ${txId}.`);
  return {
    tx: hex(readTransaction(signed).stripped),
    index,
    branch: branchOf(ids, index).map(hex),
    coinbase: hex(readTransaction(coinbase.bytes).stripped),
    coinbase_branch: branchOf(ids, 0).map(hex),
    header,
    block_hash: blockHash,
    height,
  };
}
