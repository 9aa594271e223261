import { changedRegisters, type MeterRegister } from '../../devices/meter-registers.js';
import type {
  AcceptTransfer,
  MeterTransfer,
  TransferOutcome,
} from '../../devices/meter-transfer.js';
import type {
  GapQuery,
  MeterGap,
  MeterState,
  MeterStore,
  ReceivedQuery,
  ReceivedReadings,
  StoredMeter,
} from '../../devices/meter.store.js';
import type { Journaled } from '../../logs/journal.js';
import { page, readTextCursor, textCursor } from '../list-cursor.js';
import { countReceived, listGaps } from './meter-health.js';
import { writeKey } from './meter-key-rows.js';
import { meterRegisterOf } from './meter-register.js';
import { countChange, insertMeter, lockMeter, readMeters } from './meter-rows.js';
import {
  acceptTransfer,
  listTransfers,
  offerTransfer,
  settleOwners,
  transferOf,
  withdrawTransfer,
} from './meter-transfers.js';
import { resumeMinting } from './minting-suspension.js';
import type { Sql } from './sql.js';
import type { SqlChanges } from './sql-changes.js';

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
        await writeKey(tx, meter.meterId, place, key);
      await countChange(tx);
      await journal(said);
      return 'registered';
    });
  }

  noteClaim(said: Journaled): Promise<void> {
    return this.changes.run((_tx, journal) => journal(said));
  }

  holders({
    meterId,
    fingerprint,
  }: Pick<StoredMeter, 'meterId' | 'fingerprint'>): Promise<readonly StoredMeter[]> {
    return readMeters(
      this.sql,
      `WHERE (meter_id = $1 OR fingerprint = $2) AND (state <> 'retired' OR admitted) ORDER BY meter_id`,
      [meterId, fingerprint],
    );
  }

  async get(meterId: string): Promise<StoredMeter | undefined> {
    const [meter] = await readMeters(this.sql, 'WHERE meter_id = $1', [meterId]);
    return meter;
  }

  find(wanted: {
    readonly meterIds: readonly string[];
    readonly keyIds: readonly string[];
  }): Promise<readonly StoredMeter[]> {
    // A union and not an OR: each half has its index.
    return readMeters(
      this.sql,
      `WHERE meter_id IN (SELECT unnest($1::text[]) UNION SELECT meter_id FROM meter_key WHERE key_id = ANY($2::text[]))
       ORDER BY meter_id`,
      [wanted.meterIds, wanted.keyIds],
    );
  }

  async list(query: {
    readonly state?: MeterState;
    readonly accountId?: string;
    readonly everOwnedBy?: string;
    readonly limit: number;
    readonly cursor?: string;
  }): Promise<{ readonly items: readonly StoredMeter[]; readonly cursor?: string }> {
    const behind = query.cursor === undefined ? null : readTextCursor(query.cursor);
    const found = await readMeters(
      this.sql,
      `WHERE ($1::text IS NULL OR meter_id > $1::text) AND ($2::text IS NULL OR state = $2::text)
         AND ($3::text IS NULL OR account_id = $3::text)
         AND ($4::text IS NULL OR meter_id IN (SELECT meter_id FROM meter_ownership WHERE account_id = $4::text))
       ORDER BY meter_id LIMIT $5`,
      [
        behind,
        query.state ?? null,
        query.accountId ?? null,
        query.everOwnedBy ?? null,
        query.limit + 1,
      ],
    );
    return page(found, query.limit, (last) => textCursor(last.meterId));
  }

  setState(
    meterId: string,
    from: MeterState,
    to: MeterState,
    said: Journaled,
    onlyOf?: string,
  ): Promise<boolean> {
    return this.changes.run(async (tx, journal) => {
      const moved = await tx.query(
        `UPDATE meter SET state = $3, admitted = admitted OR $3 = 'active' WHERE meter_id = $1 AND state = $2
           AND ($4::text IS NULL OR account_id = $4::text) RETURNING meter_id`,
        [meterId, from, to, onlyOf ?? null],
      );
      if (moved.length === 0) return false;
      if (to === 'suspended' || from === 'suspended')
        await tx.query(
          `UPDATE energy_account SET frozen = $2 OR (SELECT minting_suspended IS NOT NULL FROM meter WHERE meter_id = $1)
           WHERE id IN (
             SELECT id FROM energy_account WHERE meter_id = $1 ORDER BY id FOR UPDATE)`,
          [meterId, to === 'suspended'],
        );
      await countChange(tx);
      await journal(said);
      return true;
    });
  }

  resumeMinting(meterId: string, said: Journaled): Promise<boolean> {
    return this.changes.run(async (tx, journal) => {
      if (!(await resumeMinting(tx, meterId))) return false;
      await journal(said);
      return true;
    });
  }

  setRegisters(
    meterId: string,
    change: {
      readonly from: readonly MeterRegister[] | undefined;
      readonly to: readonly MeterRegister[];
    },
    said: Journaled,
  ): Promise<'changed' | 'in_use' | 'changed_meanwhile'> {
    const { from, to } = change;
    return this.changes.run(async (tx, journal) => {
      const meter = await lockMeter(tx, meterId);
      if (meter === undefined || JSON.stringify(meter.registers) !== JSON.stringify(from))
        return 'changed_meanwhile';
      const changed = changedRegisters(from, to).map((register) =>
        meterRegisterOf(meter.fingerprint, register, new Map()),
      );
      const used = await tx.query(
        `SELECT 1 FROM unnest($1::uuid[]) AS k (changed)
         WHERE EXISTS (SELECT FROM reading_interval WHERE meter_register = k.changed) LIMIT 1`,
        [changed],
      );
      if (used.length > 0) return 'in_use';
      await tx.query('UPDATE meter SET registers = $2 WHERE meter_id = $1', [
        meterId,
        JSON.stringify(to),
      ]);
      await countChange(tx);
      await journal(said);
      return 'changed';
    });
  }

  offerTransfer(transfer: MeterTransfer, said: Journaled): Promise<TransferOutcome> {
    return this.changes.run((tx, journal) => offerTransfer(tx, journal, transfer, said));
  }

  acceptTransfer(
    acceptance: AcceptTransfer,
    say: (transfer: MeterTransfer) => Journaled,
  ): Promise<TransferOutcome> {
    return this.changes.run((tx, journal) => acceptTransfer(tx, journal, acceptance, say));
  }

  withdrawTransfer(
    transferId: string,
    atMs: number,
    said: Journaled,
  ): Promise<MeterTransfer | undefined> {
    return this.changes.run((tx, journal) => withdrawTransfer(tx, journal, transferId, atMs, said));
  }

  settleOwners(acceptedSinceMs: number): Promise<number> {
    return settleOwners(this.sql, acceptedSinceMs);
  }

  transfer(transferId: string): Promise<MeterTransfer | undefined> {
    return transferOf(this.sql, transferId);
  }

  transfers(
    query: Parameters<MeterStore['transfers']>[0],
  ): Promise<{ readonly items: readonly MeterTransfer[]; readonly cursor?: string }> {
    return listTransfers(this.sql, query);
  }

  gaps(query: GapQuery): Promise<readonly MeterGap[]> {
    return listGaps(this.sql, query);
  }

  received(query: ReceivedQuery): Promise<ReceivedReadings> {
    return countReceived(this.sql, query);
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
}

/** Registrations that were turned down and stand in the way, unless one that was not stands there as well. */
async function dropTurnedDown(tx: Sql, meter: StoredMeter): Promise<boolean> {
  const dropped = await tx.query(
    `WITH claimed AS (
       SELECT meter_id, state, admitted FROM meter WHERE meter_id = $1 OR fingerprint = $2 FOR UPDATE),
     dropped AS (
       SELECT meter_id FROM claimed WHERE NOT EXISTS (SELECT FROM claimed WHERE state <> 'retired' OR admitted)),
     keys AS (DELETE FROM meter_key WHERE meter_id IN (SELECT meter_id FROM dropped)),
     owners AS (DELETE FROM meter_ownership WHERE meter_id IN (SELECT meter_id FROM dropped))
     DELETE FROM meter WHERE meter_id IN (SELECT meter_id FROM dropped) RETURNING meter_id`,
    [meter.meterId, meter.fingerprint],
  );
  return dropped.length > 0;
}
