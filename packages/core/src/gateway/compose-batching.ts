// Sealing, proofs and log keys are not wired yet: nothing is signed here.
import { generateKeyPairSync, sign } from 'node:crypto';
import type { StoredBatch } from '../batching/batch.store.js';
import type { Signer } from '../spi/index.js';
import { formatVkey, noteKey } from '../verify/note.js';

export interface LogKeysDocument {
  readonly ledgerSigner: Signer;
  readonly receiptSigner: Signer;
  document(): object;
}

export async function openLogKeys(
  config: { readonly origin: string },
  _random: unknown,
): Promise<LogKeysDocument> {
  const signer = (suffix: string): Signer => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const name = `${config.origin}/${suffix}`;
    const spki = publicKey.export({ format: 'der', type: 'spki' });
    return {
      name,
      vkey: formatVkey(noteKey(name, spki.subarray(12))),
      sign: async (message) => sign(null, message, privateKey),
    };
  };
  return {
    ledgerSigner: signer('ledger'),
    receiptSigner: signer('receipts'),
    document: () => ({ origin: config.origin }),
  };
}

export function composeBatching(_parts: object) {
  return {
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
