import type { MeterKey } from '../../devices/meter.store.js';
import type { Sql } from './sql.js';

export interface KeyRow {
  readonly meter_id: string;
  readonly key_id: string;
  readonly alg: MeterKey['alg'];
  readonly public_key: Uint8Array;
  readonly epoch: bigint;
  readonly valid_from_ms: bigint;
  readonly valid_to_ms: bigint | null;
  readonly revoked_at_ms: bigint | null;
  readonly stated_by: string | null;
  readonly proven_at_ms: bigint | null;
}

export const KEY_COLUMNS =
  'meter_id, key_id, alg, public_key, epoch, valid_from_ms, valid_to_ms, revoked_at_ms, stated_by, proven_at_ms';

/** Writes the key at its place, or what became of the one that is there. */
export async function writeKey(
  tx: Sql,
  meterId: string,
  place: number,
  key: MeterKey,
): Promise<void> {
  await tx.query(
    `INSERT INTO meter_key (place, ${KEY_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
     ON CONFLICT (meter_id, place) DO UPDATE SET valid_to_ms = $8, revoked_at_ms = $9, proven_at_ms = $11`,
    [
      place,
      meterId,
      key.keyId,
      key.alg,
      key.publicKey,
      key.epoch,
      key.validFromMs,
      key.validToMs ?? null,
      key.revokedAtMs ?? null,
      key.statedBy ?? null,
      key.provenAtMs ?? null,
    ],
  );
}

export function keyOf(row: KeyRow): MeterKey {
  return {
    keyId: row.key_id,
    alg: row.alg,
    publicKey: row.public_key,
    epoch: Number(row.epoch),
    validFromMs: Number(row.valid_from_ms),
    ...(row.valid_to_ms === null ? {} : { validToMs: Number(row.valid_to_ms) }),
    ...(row.revoked_at_ms === null ? {} : { revokedAtMs: Number(row.revoked_at_ms) }),
    ...(row.stated_by === null ? {} : { statedBy: row.stated_by }),
    ...(row.proven_at_ms === null ? {} : { provenAtMs: Number(row.proven_at_ms) }),
  };
}
