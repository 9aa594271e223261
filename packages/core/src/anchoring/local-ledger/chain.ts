import { equal, fromBase64, fromHex } from '../../verify/bytes.js';
import { verifyEd25519 } from '../../verify/ed25519.js';
import { parseVkey } from '../../verify/note.js';
import { PortRefusal } from '../../spi/index.js';
import { blockHash, blockMessage, gasOf, NO_BLOCK, readHeader, recordsRoot } from './block.js';
import { applyOperation } from './holdings.js';
import { operationKey, readOperation } from './operation.js';

/** A block as it is stored and handed out. */
export interface LocalBlock {
  /** Canonical header text. */
  readonly header: string;
  /** Base64. */
  readonly signature: string;
  /** C2SP vkey it was signed under; a claim, until the key is pinned. */
  readonly key: string;
  /** Base64 of each transaction's record, in block order. */
  readonly records: readonly string[];
}

export type ChainVerdict =
  | {
      readonly ok: true;
      readonly blocks: number;
      readonly transactions: number;
      readonly head: string;
      readonly holdings: ReadonlyMap<string, bigint>;
    }
  | { readonly ok: false; readonly code: string; readonly number: number; readonly detail: string };

/**
 * Recomputes a whole chain from its blocks, oldest first: every link, root, count, gas figure and
 * signature, under one of the ledger keys given (C2SP vkeys), and the accounts: no key stands for two operations and
 * nothing was moved that was not there. `holdings` is what every account holds in the end, by name.
 */
export async function verifyLocalChain(
  blocks: Iterable<LocalBlock> | AsyncIterable<LocalBlock>,
  vkeys: readonly string[],
): Promise<ChainVerdict> {
  const keys = vkeys.map((vkey) => parseVkey(vkey));
  let number = 0;
  let transactions = 0;
  let prev = NO_BLOCK;
  let timeMs = 0;
  let origin: string | undefined;
  const holdings = new Map<string, bigint>();
  const operations = new Set<string>();
  for await (const block of blocks) {
    const fault = (code: string, detail: string) => ({ ok: false, code, number, detail }) as const;
    try {
      const header = readHeader(block.header);
      const records = block.records.map(fromBase64);
      if (header.number !== number) return fault('chain_gap', `block ${header.number} stands here`);
      if (header.origin !== (origin ??= header.origin))
        return fault('chain_origin', `the block is of ${header.origin}, the chain of ${origin}`);
      if (header.prev !== prev) return fault('chain_broken', `prev is ${header.prev}, not ${prev}`);
      if (header.timeMs < timeMs)
        return fault('chain_time', 'the block is older than the one before');
      if (header.count !== records.length || records.length === 0)
        return fault('block_count', `${records.length} records, header says ${header.count}`);
      if (!equal(recordsRoot(records), fromHex(header.root)))
        return fault('block_root', 'the records do not hash to the root');
      if (header.gas !== records.reduce((gas, record) => gas + gasOf(record), 0))
        return fault('block_gas', 'the gas figure is not that of the records');
      const signature = fromBase64(block.signature);
      const message = blockMessage(block.header);
      const signed = keys.some(
        ({ name, publicKey }) =>
          name === `${header.origin}/ledger` && verifyEd25519(signature, message, publicKey),
      );
      if (!signed) return fault('block_signature', 'no ledger key given signed this block');
      for (const record of records) {
        const operation = readOperation(record);
        if (operation === undefined) continue;
        const key = operationKey(operation);
        if (operations.has(key)) return fault('operation_repeated', `${key} was done before`);
        operations.add(key);
        const after = await applyOperation(operation, async (name) => holdings.get(name) ?? 0n);
        for (const [name, amount] of after) holdings.set(name, amount);
      }
      prev = blockHash(block.header);
      timeMs = header.timeMs;
      transactions += records.length;
      number += 1;
    } catch (error) {
      if (error instanceof PortRefusal) return fault(`operation_${error.code}`, error.message);
      return fault('block_malformed', error instanceof Error ? error.message : 'unreadable');
    }
  }
  return { ok: true, blocks: number, transactions, head: prev, holdings };
}
