import type { MeterNameplate } from '../../devices/meter-fingerprint.js';
import type { MeterLocation } from '../../devices/meter-location.js';
import type { FormerOwner } from '../../devices/meter-ownership.js';
import type { MeterRegister } from '../../devices/meter-registers.js';
import type { MeterState, MintingSuspension, StoredMeter } from '../../devices/meter.store.js';
import { KEY_COLUMNS, keyOf, type KeyRow } from './meter-key-rows.js';
import type { Sql, SqlValue } from './sql.js';

interface MeterRow {
  readonly meter_id: string;
  readonly device_id: string | null;
  readonly site_id: string | null;
  readonly account_id: string;
  readonly owner: string | null;
  readonly fingerprint: Uint8Array;
  readonly nameplate: string | null;
  readonly registers: string | null;
  readonly location: string | null;
  readonly state: MeterState;
  readonly admitted: boolean;
  readonly handed_over: boolean;
  readonly minting_suspended: string | null;
  readonly rating_w: number | null;
  readonly registered_at_ms: bigint;
}

interface FormerRow {
  readonly meter_id: string;
  readonly account_id: string;
  readonly owner: string | null;
  readonly until_ms: bigint;
}

/** The meters that `condition` finds, with their keys and owners, in its order. */
export async function readMeters(
  sql: Sql,
  condition: string,
  params: readonly SqlValue[],
): Promise<readonly StoredMeter[]> {
  const meters = await sql.query<MeterRow>(
    `SELECT meter_id, device_id, site_id, account_id, owner, fingerprint, nameplate, registers, location, state, admitted,
       handed_over, minting_suspended, rating_w, registered_at_ms
     FROM meter ${condition}`,
    params,
  );
  if (meters.length === 0) return [];
  const keys = await sql.query<KeyRow>(
    `SELECT ${KEY_COLUMNS} FROM meter_key WHERE meter_id = ANY($1::text[]) ORDER BY meter_id, place`,
    [meters.map((meter) => meter.meter_id)],
  );
  const keysOf = Map.groupBy(keys, (key) => key.meter_id);
  const formerOf = await formerOwners(
    sql,
    meters.filter(({ handed_over: changed }) => changed).map(({ meter_id: id }) => id),
  );
  return meters.map((meter) =>
    meterOf(meter, keysOf.get(meter.meter_id) ?? [], formerOf.get(meter.meter_id)),
  );
}

/** The meter, locked until the transaction ends. */
export async function lockMeter(tx: Sql, meterId: string): Promise<StoredMeter | undefined> {
  // The lock comes first and alone: the next statement's snapshot must see what its last holder wrote.
  await tx.query('SELECT FROM meter WHERE meter_id = $1 FOR UPDATE', [meterId]);
  const [meter] = await readMeters(tx, 'WHERE meter_id = $1', [meterId]);
  return meter;
}

/** Grows with every change of any meter. */
export async function countChange(tx: Sql): Promise<void> {
  await tx.query('UPDATE meter_revision SET revision = revision + 1 WHERE log_id = 1');
}

/** False when its id or fingerprint is taken. */
export async function insertMeter(tx: Sql, meter: StoredMeter): Promise<boolean> {
  const { formerOwners = [] } = meter;
  const inserted = await tx.query(
    `INSERT INTO meter (meter_id, device_id, site_id, account_id, owner, fingerprint, nameplate, registers, location,
       state, admitted, handed_over, rating_w, registered_at_ms)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::float8, $14) ON CONFLICT DO NOTHING RETURNING meter_id`,
    [
      meter.meterId,
      meter.deviceId ?? null,
      meter.siteId ?? null,
      meter.accountId,
      meter.owner ?? null,
      meter.fingerprint,
      json(meter.nameplate),
      json(meter.registers),
      json(meter.location),
      meter.state,
      meter.admitted ?? meter.state === 'active',
      formerOwners.length > 0,
      meter.ratingW ?? null,
      meter.registeredAtMs,
    ],
  );
  if (inserted.length === 0) return false;
  for (const [at, former] of [...formerOwners, meter].entries())
    await tx.query(
      'INSERT INTO meter_ownership (meter_id, account_id, owner, span) VALUES ($1, $2, $3, int8range($4, $5))',
      [
        meter.meterId,
        former.accountId,
        former.owner ?? null,
        formerOwners[at - 1]?.untilMs ?? null,
        formerOwners[at]?.untilMs ?? null,
      ],
    );
  return true;
}

async function formerOwners(
  sql: Sql,
  meterIds: readonly string[],
): Promise<ReadonlyMap<string, readonly FormerOwner[]>> {
  if (meterIds.length === 0) return new Map();
  const rows = await sql.query<FormerRow>(
    `SELECT meter_id, account_id, owner, upper(span) AS until_ms FROM meter_ownership
     WHERE meter_id = ANY($1::text[]) AND NOT upper_inf(span) ORDER BY meter_id, upper(span)`,
    [meterIds],
  );
  const formerOf = new Map<string, FormerOwner[]>();
  for (const { meter_id: id, account_id: accountId, owner, until_ms: until } of rows) {
    const former = formerOf.get(id) ?? [];
    former.push({ accountId, ...(owner === null ? {} : { owner }), untilMs: Number(until) });
    formerOf.set(id, former);
  }
  return formerOf;
}

function meterOf(
  row: MeterRow,
  keys: readonly KeyRow[],
  formerOwners: readonly FormerOwner[] | undefined,
): StoredMeter {
  return {
    meterId: row.meter_id,
    ...(row.device_id === null ? {} : { deviceId: row.device_id }),
    ...(row.site_id === null ? {} : { siteId: row.site_id }),
    accountId: row.account_id,
    ...(row.owner === null ? {} : { owner: row.owner }),
    ...(formerOwners === undefined ? {} : { formerOwners }),
    fingerprint: row.fingerprint,
    ...(row.nameplate === null ? {} : { nameplate: JSON.parse(row.nameplate) as MeterNameplate }),
    ...(row.registers === null
      ? {}
      : { registers: JSON.parse(row.registers) as readonly MeterRegister[] }),
    ...(row.location === null ? {} : { location: JSON.parse(row.location) as MeterLocation }),
    state: row.state,
    ...(row.admitted ? { admitted: true } : {}),
    ...(row.minting_suspended === null
      ? {}
      : { mintingSuspended: JSON.parse(row.minting_suspended) as MintingSuspension }),
    ...(row.rating_w === null ? {} : { ratingW: row.rating_w }),
    keys: keys.map(keyOf),
    registeredAtMs: Number(row.registered_at_ms),
  };
}

function json(value: object | undefined): string | null {
  return value === undefined ? null : JSON.stringify(value);
}
