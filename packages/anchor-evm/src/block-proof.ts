import { AnchorError, type JsonObject } from '@wattproof/core/spi';
import { keccak_256 as keccak256 } from '@noble/hashes/sha3.js';
import { headerRlp, rpcBytes } from './block-header-rlp.js';
import type { EvmNode, NodeBlock } from './evm-node.js';
import { disbelieved } from './evm.errors.js';
import { bytes, list, object, toQuantity } from './rpc-values.js';
import { trieProof } from './trie-proof.js';
import { readHeader } from './verify/block-header.js';
import { hex, join, same } from './verify/hex.js';
import { keyOf } from './verify/receipt.verifier.js';
import { encodeRlp, type Rlp, scalar } from './verify/rlp.js';

type Json = Readonly<Record<string, unknown>>;

/** A deposit of the OP stack: the two fields that no other receipt has. */
const OP_DEPOSIT_FIELDS = ['depositNonce', 'depositReceiptVersion'];

/** The header of a block, once it is sure that it hashes to what the node calls it. */
export function provenHeader(block: NodeBlock): {
  readonly members: JsonObject;
  readonly header: ReturnType<typeof readHeader>;
} {
  let header: Uint8Array;
  try {
    header = headerRlp(block.json);
  } catch (cause) {
    throw disbelieved(`block ${block.height} has a malformed header`, cause);
  }
  const hash = hex(keccak256(header));
  if (`0x${hash}` !== block.hash)
    throw disbelieved(`block ${block.height} hashes to 0x${hash}, the node calls it ${block.hash}`);
  return {
    header: readHeader(header),
    members: { header: hex(header), block_hash: hash, height: block.height },
  };
}

/** Nodes from the block's receipts root to one receipt. */
export async function receiptProof(
  node: EvmNode,
  block: NodeBlock,
  index: number,
  signal: AbortSignal,
): Promise<readonly Uint8Array[]> {
  const params = [toQuantity(block.height)];
  const answer = await node.call('eth_getBlockReceipts', params, signal, list);
  const receipts = answer.map((receipt) => receiptRlp(object('a receipt', receipt)));
  return checked(receipts, index, provenHeader(block).header.receiptsRoot, 'receipts');
}

/** Nodes from the block's transactions root to one transaction. */
export async function transactionProof(
  node: EvmNode,
  block: NodeBlock,
  index: number,
  signal: AbortSignal,
): Promise<readonly Uint8Array[]> {
  const ids = list('transactions', block.json['transactions']);
  const raw: Uint8Array[] = [];
  for (const id of ids)
    raw.push(await node.call('eth_getRawTransactionByHash', [id], signal, bytes));
  return checked(raw, index, provenHeader(block).header.transactionsRoot, 'transactions');
}

function checked(
  values: readonly Uint8Array[],
  index: number,
  root: Uint8Array,
  what: string,
): readonly Uint8Array[] {
  if (values[index] === undefined)
    throw new AnchorError(
      'not-found',
      `The block has ${values.length} ${what}, not one at ${index}.`,
    );
  const entries = values.map((value, at) => ({ key: keyOf(at), value }));
  const built = trieProof(entries, index);
  if (!same(built.root, root))
    throw disbelieved(`its ${what} do not hash to the ${what} root of their block`);
  return built.proof;
}

/** EIP-2718 receipt: type, then status, gas used up to here, bloom and logs. */
function receiptRlp(receipt: Json): Uint8Array {
  const logs = list('logs', receipt['logs']).map((log): Rlp => {
    const { address, topics, data } = object('a log', log);
    return [
      bytes('address', address),
      list('topics', topics).map((topic) => bytes('a topic', topic)),
      bytes('data', data),
    ];
  });
  const number = (value: unknown): Uint8Array => scalar(BigInt(`0x${hex(rpcBytes(value, true))}`));
  const deposit = OP_DEPOSIT_FIELDS.filter((name) => typeof receipt[name] === 'string');
  const content = encodeRlp([
    number(receipt['status']),
    number(receipt['cumulativeGasUsed']),
    bytes('logsBloom', receipt['logsBloom']),
    logs,
    ...deposit.map((name) => number(receipt[name])),
  ]);
  const type = number(receipt['type'] ?? '0x0');
  return join(type, content);
}
