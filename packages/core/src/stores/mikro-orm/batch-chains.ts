import type {
  BatchChainStore,
  ChainedBatch,
  ChainFork,
  ChainOutcome,
} from '../../devices/batch-chain.store.js';
import type { MintingSuspension, StoredMeter } from '../../devices/meter.store.js';
import { placeBatch } from '../../devices/place-batch.js';
import type { Journaled } from '../../logs/journal.js';
import { toHex } from '../../verify/bytes.js';
import { freezeMeters, lockMintable } from './minting-suspension.js';
import type { Sql } from './sql.js';
import type { SqlChanges } from './sql-changes.js';

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
  constructor(
    private readonly sql: Sql,
    private readonly changes: SqlChanges,
  ) {}

  async extend(batch: ChainedBatch): Promise<ChainOutcome> {
    const outcome = placeBatch(batch, await this.relatives(batch));
    if (outcome.kind !== 'began' && outcome.kind !== 'extended') return outcome;
    const isInserted = await insert(this.sql, 'signed_batch', batch);
    // Somebody else took the place meanwhile: this batch itself, or another.
    return isInserted ? outcome : placeBatch(batch, await this.relatives(batch));
  }

  noteFork(
    { batch, rival }: ChainFork,
    say: (meters: readonly StoredMeter[]) => Journaled,
  ): Promise<readonly StoredMeter[]> {
    return this.changes.run(async (tx, journal) => {
      if (!(await insert(tx, 'forked_batch', batch, rival.hash))) return [];
      const named = await tx.query<{ meter_id: string }>(
        'SELECT DISTINCT meter_id FROM meter_key WHERE key_id = $1 AND public_key = $2 AND epoch = $3',
        [batch.keyId, batch.publicKey, batch.epoch],
      );
      const meters = await lockMintable(
        tx,
        named.map(({ meter_id: id }) => id),
      );
      if (meters.length === 0) return [];
      const why: MintingSuspension = {
        reason: 'chain_fork',
        batch: toHex(batch.hash),
        atMs: batch.receivedAtMs,
      };
      await freezeMeters(
        tx,
        meters.map(({ meterId }) => ({ meterId, why })),
      );
      await journal(say(meters));
      return meters;
    });
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

/** False when it is there already, or when its place is taken. */
async function insert(
  sql: Sql,
  table: 'signed_batch' | 'forked_batch',
  batch: ChainedBatch,
  rivalHash?: Uint8Array,
): Promise<boolean> {
  const { device, epoch, keyId, alg, publicKey, first, last, root, previous, hash } = batch;
  const { signature, receivedAtMs } = batch;
  const own = [device, epoch, keyId, alg, publicKey, first, last, root, previous, hash];
  const values = [...own, signature, receivedAtMs, ...(rivalHash === undefined ? [] : [rivalHash])];
  const inserted = await sql.query(
    `INSERT INTO ${table} (device, epoch, key_id, alg, public_key, first_sequence, last_sequence, root, previous, hash, signature,
       received_at_ms${rivalHash === undefined ? '' : ', rival_hash'})
     VALUES (${values.map((_, i) => `$${i + 1}`).join(', ')}) ON CONFLICT DO NOTHING RETURNING epoch`,
    values,
  );
  return inserted.length > 0;
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
