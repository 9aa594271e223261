import { gapsBetween } from '../../devices/meter-gaps.js';
import { ownerAt } from '../../devices/meter-ownership.js';
import type { MeterTransfer } from '../../devices/meter-transfer.js';
import type {
  GapQuery,
  MeterGap,
  ReceivedQuery,
  ReceivedReadings,
  StoredMeter,
} from '../../devices/meter.store.js';
import { toHex } from '../../verify/bytes.js';
import { type EntryRecord, type LogState, newest } from './log-state.js';

export function listGaps(log: LogState, query: GapQuery): readonly MeterGap[] {
  const { fingerprint, register, fromMs, toMs, behindMs = -Infinity, limit } = query;
  const occupied = log.occupied.get(`${toHex(fingerprint)}/${register}`);
  const covered = (occupied?.between(fromMs, toMs) ?? []).map(({ startsMs, untilMs }) => ({
    startsMs,
    // A point occupies its one millisecond.
    endsMs: untilMs - startsMs === 1 ? startsMs : untilMs,
  }));
  return gapsBetween(covered)
    .filter((gap) => gap.startsMs > behindMs)
    .slice(0, limit);
}

export function countReceived(log: LogState, query: ReceivedQuery): ReceivedReadings {
  const { meterId, accountId, fromMs, toMs } = query;
  const own = log.entries.filter(
    ({ row }) =>
      row.reading?.meterId === meterId && (accountId === undefined || row.accountId === accountId),
  );
  const within = own.filter(({ row: { reading } }) => {
    const { startsMs } = reading!;
    return startsMs >= fromMs && startsMs < toMs;
  });
  const count = (verdict: string) =>
    within.filter((record) => newest(record).verdict === verdict).length;
  const lastReceivedAtMs = own.at(-1)?.row.receivedAtMs;
  const lastEndsMs = latest(within, ({ row }) => row.reading!.endsMs);
  return {
    ...(lastReceivedAtMs === undefined ? {} : { lastReceivedAtMs }),
    ...(lastEndsMs === undefined ? {} : { lastEndsMs }),
    accepted: count('accepted'),
    flagged: count('flagged'),
    quarantined: count('quarantined'),
  };
}

/** The latest start of a reading of the meter. */
export function lastStartOf(log: LogState, meterId: string): number | undefined {
  const own = log.entries.filter(({ row }) => row.reading?.meterId === meterId);
  return latest(own, ({ row }) => row.reading!.startsMs);
}

/** How many readings were given to whose they are. */
export function settleOwners(
  log: LogState,
  { meterId, fromAccount, effectiveAtMs = Infinity }: MeterTransfer,
  meter: StoredMeter,
): number {
  let settled = 0;
  for (const record of log.entries) {
    const { reading, accountId: before } = record.row;
    if (reading?.meterId !== meterId || before !== fromAccount) continue;
    const { accountId } = ownerAt(meter, reading.startsMs);
    if (reading.startsMs < effectiveAtMs || accountId === before) continue;
    record.row = { ...record.row, accountId };
    settled += 1;
  }
  return settled;
}

function latest(
  records: readonly EntryRecord[],
  of: (record: EntryRecord) => number,
): number | undefined {
  return records.length === 0 ? undefined : records.map(of).reduce((a, b) => Math.max(a, b));
}
