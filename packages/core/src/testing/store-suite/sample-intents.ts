import type { AnchorIntent, Attempt, Evidence } from '../../spi/index.js';
import { sha256, text, unique } from './sample-rows.js';

export function sampleIntent(
  choices: { readonly anchor?: string; readonly size?: bigint; readonly createdAtMs?: number } = {},
): AnchorIntent {
  const seed = unique();
  return {
    id: Buffer.from(sha256(text(`intent ${seed}`))).toString('hex'),
    anchor: choices.anchor ?? 'local',
    commitment: {
      origin: 'example.org/log',
      size: choices.size ?? BigInt(seed),
      root: sha256(text(`root ${seed}`)),
      digest: sha256(text(`digest ${seed}`)),
    },
    createdAtMs: choices.createdAtMs ?? 1_760_000_000_000 + seed,
  };
}

export function sampleAttempt(intentId: string, number: number): Attempt {
  return {
    intentId,
    number,
    state: 'signed',
    txId: `tx-${unique()}`,
    ...(number === 0 ? {} : { childOf: 'tx-of-the-first' }),
    conflictKey: `utxo-${unique()}`,
    signed: sha256(text(`transaction ${unique()}`)),
    // Beyond 2^53: a fee in wei easily is.
    fee: { amount: 2n ** 60n + 1n, unit: 'wei', rate: { amount: 1.5, unit: 'gwei/gas' } },
    validUntil: 1234,
    detail: { nonce: 7, note: 'a\u0000b', list: [1, null, { deep: true }] },
    createdAtMs: 1_760_000_000_000,
  };
}

export function sampleEvidence(): Evidence {
  return {
    type: 'local-ledger/1',
    anchor: 'local',
    ledger: 'local:example.org/log',
    trust: 'operator',
    body: { block: unique(), text: 'a\u0000b' },
  };
}
