import type { MeterKey, MeterState, MeterStore, StoredMeter } from '../../devices/meter.store.js';
import type { Journaled } from '../../logs/journal.js';
import { page, readTextCursor, textCursor } from '../list-cursor.js';
import type { Sql, SqlValue } from './sql.js';
import type { SqlChanges } from './sql-changes.js';

interface MeterRow {
  readonly meter_id: string;
  readonly device_id: string | null;
  readonly site_id: string | null;
  readonly account_id: string;
  readonly owner: string | null;
  readonly fingerprint: Uint8Array;
  readonly state: MeterState;
  readonly rating_w: number | null;
  readonly registered_at_ms: bigint;
}

interface KeyRow {
  readonly meter_id: string;
  readonly key_id: string;
  readonly alg: MeterKey['alg'];
  readonly public_key: Uint8Array;
  readonly epoch: bigint;
  readonly valid_from_ms: bigint;
  readonly revoked_at_ms: bigint | null;
}

export class SqlMeters implements MeterStore {
  constructor(
    private readonly sql: Sql,
    private readonly changes: SqlChanges,
  ) {}

  register(meter: StoredMeter, said: Journaled): Promise<'registered' | 'meter_taken'> {
    return this.changes.run(async (tx, journal) => {
      const inserted =
        (await insertMeter(tx, meter)) ||
        ((await dropTurnedDown(tx, meter)) && (await insertMeter(tx, meter)));
      if (!inserted) return 'meter_taken';
      for (const [place, key] of meter.keys.entries())
        await tx.query(
          `INSERT INTO meter_key (meter_id, place, key_id, alg, public_key, epoch, valid_from_ms, revoked_at_ms)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
          [
            meter.meterId,
            place,
            key.keyId,
            key.alg,
            key.publicKey,
            key.epoch,
            key.validFromMs,
            key.revokedAtMs ?? null,
          ],
        );
      await countChange(tx);
      await journal(said);
      return 'registered';
    });
  }

  async get(meterId: string): Promise<StoredMeter | undefined> {
    const [meter] = await this.read('WHERE meter_id = $1', [meterId]);
    return meter;
  }

  find(wanted: {
    readonly meterIds: readonly string[];
    readonly keyIds: readonly string[];
  }): Promise<readonly StoredMeter[]> {
    // A union and not an OR: each half has its index.
    return this.read(
      `WHERE meter_id IN (SELECT unnest($1::text[]) UNION SELECT meter_id FROM meter_key WHERE key_id = ANY($2::text[]))
       ORDER BY meter_id`,
      [wanted.meterIds, wanted.keyIds],
    );
  }

  async list(query: {
    readonly state?: MeterState;
    readonly accountId?: string;
    readonly limit: number;
    readonly cursor?: string;
  }): Promise<{ readonly items: readonly StoredMeter[]; readonly cursor?: string }> {
    const behind = query.cursor === undefined ? null : readTextCursor(query.cursor);
    const found = await this.read(
      `WHERE ($1::text IS NULL OR meter_id > $1::text) AND ($2::text IS NULL OR state = $2::text)
         AND ($3::text IS NULL OR account_id = $3::text)
       ORDER BY meter_id LIMIT $4`,
      [behind, query.state ?? null, query.accountId ?? null, query.limit + 1],
    );
    return page(found, query.limit, (last) => textCursor(last.meterId));
  }

  setState(meterId: string, from: MeterState, to: MeterState, said: Journaled): Promise<boolean> {
    return this.changes.run(async (tx, journal) => {
      const moved = await tx.query(
        'UPDATE meter SET state = $3 WHERE meter_id = $1 AND state = $2 RETURNING meter_id',
        [meterId, from, to],
      );
      if (moved.length === 0) return false;
      if (to === 'suspended' || from === 'suspended')
        await tx.query(
          `UPDATE energy_account SET frozen = $2 WHERE id IN (
             SELECT id FROM energy_account WHERE meter_id = $1 ORDER BY id FOR UPDATE)`,
          [meterId, to === 'suspended'],
        );
      await countChange(tx);
      await journal(said);
      return true;
    });
  }

  setAllowed(
    meterIds: readonly string[],
    allowed: boolean,
    by: { readonly principal: string; readonly atMs: number },
    said: Journaled,
  ): Promise<number> {
    // Sorted, so that two lists with the same ids never wait for each other in a circle.
    const ids = [...new Set(meterIds)].sort();
    return this.changes.run(async (tx, journal) => {
      const changed = allowed
        ? await tx.query(
            `INSERT INTO meter_allowed (meter_id, allowed_by, allowed_at_ms)
             SELECT id, $2, $3::int8 FROM unnest($1::text[]) AS id ON CONFLICT DO NOTHING RETURNING meter_id`,
            [ids, by.principal, by.atMs],
          )
        : await tx.query(
            `DELETE FROM meter_allowed WHERE meter_id IN (
               SELECT meter_id FROM meter_allowed WHERE meter_id = ANY($1::text[]) ORDER BY meter_id FOR UPDATE)
             RETURNING meter_id`,
            [ids],
          );
      if (changed.length > 0) await journal(said);
      return changed.length;
    });
  }

  async isAllowed(meterId: string): Promise<boolean> {
    const found = await this.sql.query('SELECT 1 FROM meter_allowed WHERE meter_id = $1', [
      meterId,
    ]);
    return found.length > 0;
  }

  async revision(): Promise<bigint> {
    const [row] = await this.sql.query<{ revision: bigint }>(
      'SELECT revision FROM meter_revision WHERE log_id = 1',
    );
    return row?.revision ?? 0n;
  }

  async putChallenge(nonce: string, ttlMs: number): Promise<void> {
    await this.sql.query('DELETE FROM challenge WHERE expires_at <= clock_timestamp()');
    // A nonce that was issued before keeps its fate: a used one does not come back to life.
    await this.sql.query(
      `INSERT INTO challenge (nonce, expires_at)
       VALUES ($1, clock_timestamp() + $2::float8 * interval '1 millisecond') ON CONFLICT DO NOTHING`,
      [nonce, ttlMs],
    );
  }

  async useChallenge(nonce: string): Promise<boolean> {
    const used = await this.sql.query(
      `UPDATE challenge SET used = true
       WHERE nonce = $1 AND NOT used AND expires_at > clock_timestamp() RETURNING nonce`,
      [nonce],
    );
    return used.length > 0;
  }

  private async read(
    condition: string,
    params: readonly SqlValue[],
  ): Promise<readonly StoredMeter[]> {
    const meters = await this.sql.query<MeterRow>(
      `SELECT meter_id, device_id, site_id, account_id, owner, fingerprint, state, rating_w, registered_at_ms
       FROM meter ${condition}`,
      params,
    );
    if (meters.length === 0) return [];
    const keys = await this.sql.query<KeyRow>(
      `SELECT meter_id, key_id, alg, public_key, epoch, valid_from_ms, revoked_at_ms
       FROM meter_key WHERE meter_id = ANY($1::text[]) ORDER BY meter_id, place`,
      [meters.map((meter) => meter.meter_id)],
    );
    const keysOf = Map.groupBy(keys, (key) => key.meter_id);
    return meters.map((meter) => meterOf(meter, keysOf.get(meter.meter_id) ?? []));
  }
}

async function insertMeter(tx: Sql, meter: StoredMeter): Promise<boolean> {
  const inserted = await tx.query(
    `INSERT INTO meter (meter_id, device_id, site_id, account_id, owner, fingerprint, state, rating_w, registered_at_ms)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8::float8, $9) ON CONFLICT DO NOTHING RETURNING meter_id`,
    [
      meter.meterId,
      meter.deviceId ?? null,
      meter.siteId ?? null,
      meter.accountId,
      meter.owner ?? null,
      meter.fingerprint,
      meter.state,
      meter.ratingW ?? null,
      meter.registeredAtMs,
    ],
  );
  return inserted.length > 0;
}

/** Registrations that were turned down and stand in the way, unless one that was not stands there as well. */
async function dropTurnedDown(tx: Sql, meter: StoredMeter): Promise<boolean> {
  const dropped = await tx.query(
    `WITH claimed AS (
       SELECT meter_id, state FROM meter WHERE meter_id = $1 OR fingerprint = $2 FOR UPDATE),
     dropped AS (
       SELECT meter_id FROM claimed WHERE NOT EXISTS (SELECT FROM claimed WHERE state <> 'retired')),
     keys AS (DELETE FROM meter_key WHERE meter_id IN (SELECT meter_id FROM dropped))
     DELETE FROM meter WHERE meter_id IN (SELECT meter_id FROM dropped) RETURNING meter_id`,
    [meter.meterId, meter.fingerprint],
  );
  return dropped.length > 0;
}

async function countChange(tx: Sql): Promise<void> {
  await tx.query('UPDATE meter_revision SET revision = revision + 1 WHERE log_id = 1');
}

function meterOf(row: MeterRow, keys: readonly KeyRow[]): StoredMeter {
  return {
    meterId: row.meter_id,
    ...(row.device_id === null ? {} : { deviceId: row.device_id }),
    ...(row.site_id === null ? {} : { siteId: row.site_id }),
    accountId: row.account_id,
    ...(row.owner === null ? {} : { owner: row.owner }),
    fingerprint: row.fingerprint,
    state: row.state,
    ...(row.rating_w === null ? {} : { ratingW: row.rating_w }),
    keys: keys.map((key) => ({
      keyId: key.key_id,
      alg: key.alg,
      publicKey: key.public_key,
      epoch: Number(key.epoch),
      validFromMs: Number(key.valid_from_ms),
      ...(key.revoked_at_ms === null ? {} : { revokedAtMs: Number(key.revoked_at_ms) }),
    })),
    registeredAtMs: Number(row.registered_at_ms),
  };
}
