import type {
  BatchChainStore,
  ChainedBatch,
  ChainOutcome,
} from '../../devices/batch-chain.store.js';
import { placeBatch } from '../../devices/place-batch.js';
import type { Sql } from './sql.js';

interface BatchRow {
  readonly device: string;
  readonly epoch: number;
  readonly key_id: string;
  readonly alg: ChainedBatch['alg'];
  readonly public_key: Uint8Array;
  readonly first_sequence: bigint;
  readonly last_sequence: bigint;
  readonly root: Uint8Array;
  readonly previous: Uint8Array;
  readonly hash: Uint8Array;
  readonly signature: Uint8Array;
  readonly received_at_ms: bigint;
}

const OVERLAPS = `int8range(first_sequence, last_sequence, '[]') && int8range($3::int8, $4::int8, '[]')`;

/** Chains of signed batches. What they promise is kept by the table's constraints, however many gateways write. */
export class SqlBatchChains implements BatchChainStore {
  constructor(private readonly sql: Sql) {}

  async extend(batch: ChainedBatch): Promise<ChainOutcome> {
    const outcome = placeBatch(batch, await this.relatives(batch));
    if (outcome.kind !== 'began' && outcome.kind !== 'extended') return outcome;
    const { device, epoch, keyId, alg, publicKey, first, last } = batch;
    const inserted = await this.sql.query(
      `INSERT INTO signed_batch (device, epoch, key_id, alg, public_key, first_sequence, last_sequence, root, previous, hash, signature,
         received_at_ms)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING RETURNING epoch`,
      [
        device,
        epoch,
        keyId,
        alg,
        publicKey,
        first,
        last,
        batch.root,
        batch.previous,
        batch.hash,
        batch.signature,
        batch.receivedAtMs,
      ],
    );
    // Somebody else took the place meanwhile: this batch itself, or another.
    return inserted.length > 0 ? outcome : placeBatch(batch, await this.relatives(batch));
  }

  async list(
    device: string,
    epoch: number,
    range: { readonly first: bigint; readonly last: bigint; readonly limit: number },
  ): Promise<readonly ChainedBatch[]> {
    const rows = await this.sql.query<BatchRow>(
      `SELECT * FROM signed_batch WHERE device = $1 AND epoch = $2 AND ${OVERLAPS} ORDER BY first_sequence LIMIT $5`,
      [device, epoch, range.first, range.last, range.limit],
    );
    return rows.map(batchOf);
  }

  private async relatives(batch: ChainedBatch): Promise<readonly ChainedBatch[]> {
    const rows = await this.sql.query<BatchRow>(
      `SELECT * FROM signed_batch WHERE device = $1 AND epoch = $2 AND (${OVERLAPS} OR hash IN ($5, $6)
         OR last_sequence = (SELECT max(last_sequence) FROM signed_batch WHERE device = $1 AND epoch = $2))`,
      [batch.device, batch.epoch, batch.first, batch.last, batch.previous, batch.hash],
    );
    return rows.map(batchOf);
  }
}

function batchOf(row: BatchRow): ChainedBatch {
  return {
    device: row.device,
    epoch: row.epoch,
    keyId: row.key_id,
    alg: row.alg,
    publicKey: row.public_key,
    first: row.first_sequence,
    last: row.last_sequence,
    root: row.root,
    previous: row.previous,
    hash: row.hash,
    signature: row.signature,
    receivedAtMs: Number(row.received_at_ms),
  };
}
