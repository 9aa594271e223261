// Sealing, proofs and log keys are not wired yet: nothing is signed here.
import type { StoredBatch } from '../batching/batch.store.js';
import type { IssueReceipts } from '../ingestion/commit-queue.js';
import type { StoredReceipt } from '../ingestion/ingest.store.js';
import type { Signer } from '../spi/index.js';

export interface LogKeysDocument {
  readonly ledgerSigner: Signer;
  document(): object;
}

export async function openLogKeys(_config: unknown, _random: unknown): Promise<LogKeysDocument> {
  return {
    ledgerSigner: { name: 'x', vkey: 'x', sign: async () => new Uint8Array(64) },
    document: () => ({}),
  };
}

export function composeBatching(_parts: object) {
  const issue: IssueReceipts = (rows) => ({
    committedAtMs: 0,
    includeByMs: 0,
    keyId: 'x',
    signature: new Uint8Array(64),
    root: new Uint8Array(32),
    leaves: rows.map(() => new Uint8Array(32)),
  });
  return {
    issue,
    receiptJson: (receipt: StoredReceipt): object => ({ entry: receipt.entryId }),
    start: async () => undefined,
    batcher: {
      tick: async () => undefined,
      resume: async () => undefined,
      flush: async (): Promise<StoredBatch | undefined> => undefined,
    },
    proofs: {
      seedProof: async (_id: string): Promise<object> => ({}),
      bundle: async (_id: string): Promise<Uint8Array> => new Uint8Array(0),
      preimage: async (_id: string): Promise<Uint8Array> => new Uint8Array(0),
      consistency: async (_from: number, _to: number): Promise<readonly string[]> => [],
      checkpoint: async (_size: number | 'latest'): Promise<string | undefined> => undefined,
    },
  };
}
