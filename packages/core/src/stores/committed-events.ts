import type { IntentState } from '../anchoring/anchor.store.js';
import type { StoredBatch } from '../batching/batch.store.js';
import type { Contender } from '../ingestion/cross-owner-rule.js';
import type { IngestRow } from '../ingestion/ingest.store.js';
import type { ReportsOfMeter } from '../logs/erasure.store.js';
import type { DomainEvent } from '../spi/index.js';

/** What an outbox keeps; its position there becomes the event's id. */
export type CommittedEvent = Omit<DomainEvent, 'id'>;

/**
 * The event of one stored or upgraded entry: `reading.accepted`, `reading.flagged`, `reading.quarantined`, and
 * the same for every other type of entry. `row` carries the verdict the store gave it.
 */
export function entryEvent(row: IngestRow, entryId: string, atMs: number): CommittedEvent {
  return {
    type: `${row.type}.${row.verdict}`,
    atMs,
    data: {
      entry: entryId,
      account: row.accountId,
      leaf_hash: Buffer.from(row.logHash).toString('hex'),
      ...(row.reason === undefined ? {} : { reason: row.reason }),
      ...(row.reading === undefined ? {} : readingData(row.reading)),
    },
  };
}

/**
 * What is left of an event whose entry was erased. What its reading had replaced is named by its id, for who has yet to hear
 * that it counts no more; `entryOf`: the id of the entry with this hash (hex), while it is there.
 */
export function erasedEventData(
  { entry, account, supersedes, replaced }: CommittedEvent['data'],
  entryOf: (hash: string) => string | undefined,
): CommittedEvent['data'] {
  const before = typeof supersedes === 'string' ? entryOf(supersedes) : replaced;
  return {
    entry: entry!,
    account: account!,
    erased: true,
    ...(before === undefined ? {} : { replaced: before }),
  };
}

/** Types of events that tell what a device reported besides readings, or was asked. */
export const REPORT_EVENTS = [
  'device.alert',
  'device.alert_cleared',
  'delivery.progress',
  'command.answered',
  'command.timeout',
] as const;

/** What is to be forgotten of a meter. */
export interface ForgottenReports extends ReportsOfMeter {
  /** Ids of its alerts and commands that were erased, whenever events told of them. */
  readonly gone: ReadonlySet<string>;
}

export function isForgotten(
  { type, atMs, data }: CommittedEvent,
  { meterId, fromMs = -Infinity, toMs = Infinity, gone }: ForgottenReports,
): boolean {
  if (!(REPORT_EVENTS as readonly string[]).includes(type)) return false;
  if (data['device'] !== meterId && data['meter'] !== meterId) return false;
  const id = data['alert'] ?? data['command'];
  return (atMs >= fromMs && atMs < toMs) || (typeof id === 'string' && gone.has(id));
}

/** What is left of it. Not the id of an alert, which is a hash of what it said. */
export function forgottenReport({ account }: CommittedEvent['data']): CommittedEvent['data'] {
  return { ...(account === undefined ? {} : { account }), erased: true };
}

function readingData({ meterId, energies, supersedes }: NonNullable<IngestRow['reading']>) {
  return {
    meter: meterId,
    registers: energies.map(({ register }) => register),
    ...(supersedes === undefined ? {} : { supersedes: Buffer.from(supersedes).toString('hex') }),
  };
}

/**
 * `reading.contested`, one for every account concerned, each with its own entry: two owners read the same meter within 15
 * minutes. `held`: whether it is this one that waits for an operator. Nobody is told who the other is.
 */
export function contestedEvents(
  row: IngestRow,
  entryId: string,
  contenders: readonly Contender[],
  atMs: number,
): readonly CommittedEvent[] {
  if (contenders.length === 0) return [];
  const event = (entry: string, account: string, held: boolean): CommittedEvent => ({
    type: 'reading.contested',
    atMs,
    data: { entry, account, meter: row.reading?.meterId ?? '', held },
  });
  return [
    event(entryId, row.accountId, true),
    ...contenders.map((one) => event(one.entryId, one.accountId, false)),
  ];
}

/** The event of a sealed batch. */
export function sealedEvent(batch: StoredBatch): CommittedEvent {
  return {
    type: 'batch.sealed',
    atMs: batch.sealedAtMs,
    data: { batch: batch.id, number: batch.number, count: batch.count },
  };
}

/** `anchor.included`, `anchor.final`, `anchor.reorged`, `anchor.failed`; the other states are the engine's own business. */
export function intentEvent(
  intent: { readonly id: string; readonly anchor: string; readonly size: bigint },
  state: IntentState,
  atMs: number,
): CommittedEvent | undefined {
  if (state !== 'included' && state !== 'final' && state !== 'reorged' && state !== 'failed')
    return undefined;
  return {
    type: `anchor.${state}`,
    atMs,
    data: { intent: intent.id, anchor: intent.anchor, size: String(intent.size) },
  };
}
