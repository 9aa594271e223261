import type { JsonObject } from '../verify/contracts.js';
import { fromHex, toHex } from '../verify/bytes.js';
import { registersOfText } from './meter-entries.js';
import type { MeterLocation } from './meter-location.js';
import { type MeterTransfer, handedOver } from './meter-transfer.js';
import type { MeterState, MintingSuspension, StoredMeter } from './meter.store.js';

/** A meter as the log tells of it; its keys have entries of their own, see `replayKeys`. */
export type ReplayedMeter = Omit<StoredMeter, 'keys'>;

/** An `audit/1` document about a meter. */
interface MeterDocument {
  readonly action: string;
  readonly subject: string;
  readonly detail?: Readonly<Record<string, string | number | undefined>>;
}

/**
 * Every meter, from the `audit/1` documents of a log in its order and from nothing else: a meter that a gateway added, let in
 * or gave away without saying so is told by comparing, see `meterDifferences`.
 */
export function replayMeters(documents: readonly JsonObject[]): ReadonlyMap<string, ReplayedMeter> {
  const meters = new Map<string, ReplayedMeter>();
  for (const document of documents as unknown as readonly MeterDocument[]) {
    const { action, subject, detail = {} } = document;
    if (action === 'meter.registered') {
      const meter = registered(subject, detail);
      for (const other of meters.values())
        if (isReplaced(other, meter)) meters.delete(other.meterId);
      meters.set(subject, meter);
      continue;
    }
    const meter = meters.get(subject);
    const changed = meter === undefined ? undefined : after(meter, action, detail);
    if (changed !== undefined) meters.set(subject, changed);
  }
  return meters;
}

type Detail = NonNullable<MeterDocument['detail']>;

/** A registration that was turned down makes room for the next of its id or fingerprint. */
function isReplaced(old: ReplayedMeter, meter: ReplayedMeter): boolean {
  if (old.state !== 'retired' || old.admitted === true) return false;
  return old.meterId === meter.meterId || toHex(old.fingerprint) === toHex(meter.fingerprint);
}

function after(meter: ReplayedMeter, action: string, detail: Detail): ReplayedMeter | undefined {
  switch (action) {
    case 'meter.state': {
      const state = detail['to'] as MeterState;
      return { ...meter, state, ...(state === 'active' ? { admitted: true } : {}) };
    }
    case 'meter.minting_suspended': {
      const { reason, entry, batch, received_at: at } = detail;
      const cause = reason === 'chain_fork' ? { batch } : { entryId: entry };
      const why = { reason, ...cause, atMs: Date.parse(String(at)) } as MintingSuspension;
      return { ...meter, mintingSuspended: why };
    }
    case 'meter.minting_resumed': {
      const { mintingSuspended: _, ...rest } = meter;
      return rest;
    }
    case 'meter.registers':
      return { ...meter, registers: registersOfText(String(detail['registers'])) };
    case 'meter.transfer_accepted': {
      const transfer = { toAccount: String(detail['to']) } as MeterTransfer;
      const untilMs = Date.parse(String(detail['effective_at']));
      const owner = detail['owner'];
      const given = { ...meter, keys: [] };
      const { keys: _, ...rest } = handedOver(
        given,
        transfer,
        untilMs,
        owner === undefined ? undefined : String(owner),
      );
      return rest;
    }
    default:
      return undefined;
  }
}

function registered(meterId: string, detail: Detail): ReplayedMeter {
  const word = (name: string): string | undefined =>
    detail[name] === undefined ? undefined : String(detail[name]);
  const state = detail['state'] as MeterState;
  const location = locationOf(detail);
  const optional = {
    deviceId: word('device_id'),
    siteId: word('site_id'),
    owner: word('owner'),
    ratingW: detail['rating_w'] === undefined ? undefined : Number(detail['rating_w']),
    nameplate:
      detail['vendor'] === undefined
        ? undefined
        : {
            vendor: String(detail['vendor']),
            model: String(detail['model']),
            serial: String(detail['serial']),
          },
    registers:
      detail['registers'] === undefined ? undefined : registersOfText(String(detail['registers'])),
    location,
    admitted: state === 'active' ? true : undefined,
  };
  const known = Object.entries(optional).filter(([, value]) => value !== undefined);
  return {
    ...(Object.fromEntries(known) as Partial<ReplayedMeter>),
    meterId,
    accountId: String(detail['account']),
    fingerprint: fromHex(String(detail['fingerprint'])),
    state,
    registeredAtMs: Date.parse(String(detail['registered_at'])),
  };
}

function locationOf({ latitude, longitude, zone }: Detail): MeterLocation | undefined {
  if (zone !== undefined) return { zone: String(zone) };
  if (latitude === undefined) return undefined;
  return { latitude: Number(latitude), longitude: Number(longitude) };
}

/** A meter that is not as the log tells of it. */
export interface MeterDifference {
  readonly meterId: string;
  /** `unsaid`: the log knows no such meter; `lost`: the table does not; else the members that differ. */
  readonly what: 'unsaid' | 'lost' | readonly string[];
}

/**
 * Where the table of meters is not what replaying the log yields. Empty: every change was said, and nothing else. `keysOf`:
 * what `replayKeys` yields; without it keys are not compared.
 */
export function meterDifferences(
  stored: readonly StoredMeter[],
  replayed: ReadonlyMap<string, ReplayedMeter>,
  keysOf?: ReadonlyMap<string, StoredMeter['keys']>,
): readonly MeterDifference[] {
  const differences: MeterDifference[] = [];
  const left = new Map(replayed);
  for (const { keys, ...meter } of stored) {
    const { meterId } = meter;
    const said = left.get(meterId);
    left.delete(meterId);
    if (said === undefined) {
      differences.push({ meterId, what: 'unsaid' });
      continue;
    }
    const names = new Set([...Object.keys(meter), ...Object.keys(said)]);
    const what: string[] = ([...names] as (keyof ReplayedMeter)[])
      .filter((name) => textOf(meter[name]) !== textOf(said[name]))
      .sort();
    if (keysOf !== undefined && textOf(keys) !== textOf(keysOf.get(meterId) ?? []))
      what.push('keys');
    if (what.length > 0) differences.push({ meterId, what });
  }
  for (const meterId of left.keys()) differences.push({ meterId, what: 'lost' });
  return differences;
}

function textOf(value: unknown): string {
  return JSON.stringify(comparable(value)) ?? '';
}

/** Bytes as hex, members in one order. */
function comparable(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value);
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => [name, comparable(member)]),
  );
}
