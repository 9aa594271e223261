import { devices, HOSTILE_NOW_MS, type HostileBody } from './hostile-scene.js';

/** Replays, overlaps and equivocation: what only shows beside what was accepted before. */
export function hostileReplays(): readonly HostileBody[] {
  const { active } = devices;
  const now = HOSTILE_NOW_MS;
  const sent = (endsMs: number, more: object = {}): string =>
    JSON.stringify(active.signed(active.reading(endsMs, more)));
  const after = (
    name: string,
    before: string,
    body: string,
    verdict: HostileBody['expect']['verdict'],
    status: number,
    code?: string,
  ): HostileBody => ({
    name,
    before: [before],
    body,
    expect: { verdict, status, ...(code === undefined ? {} : { code }) },
  });
  const first = sent(now);
  const asBytes = JSON.parse(first) as Record<string, unknown>;
  const pretty = JSON.stringify(JSON.parse(first), null, 2);
  const [start, end] = [now - 900_000, now].map((ms) => new Date(ms).toISOString());
  const point = { start: end, end };
  return [
    after('the same body again', first, first, 'duplicate', 200),
    after('the same document in other white space', first, pretty, 'duplicate', 200),
    after(
      'the same document as a batch of one',
      first,
      JSON.stringify(active.batch([active.reading(now)])),
      'duplicate',
      200,
    ),
    after('the same reading in a list', first, `[${JSON.stringify(asBytes)}]`, 'duplicate', 200),
    after(
      'another amount for the same interval',
      first,
      sent(now, { import_kwh: '1.26' }),
      'rejected',
      422,
      'interval_overlap',
    ),
    after(
      'an interval one millisecond into the other',
      first,
      sent(now + 900_000 - 1 - 899_999, { start, end: new Date(now + 1).toISOString() }),
      'rejected',
      422,
      'interval_overlap',
    ),
    after(
      'an interval inside the other',
      first,
      sent(now, { start: new Date(now - 1).toISOString() }),
      'rejected',
      422,
      'interval_overlap',
    ),
    after(
      'an interval around the other',
      first,
      sent(now, {
        start: new Date(now - 1_800_000).toISOString(),
        end: new Date(now + 1).toISOString(),
      }),
      'rejected',
      422,
      'interval_overlap',
    ),
    after(
      'another amount for the same instant',
      sent(now, point),
      sent(now, { ...point, import_kwh: '1.26' }),
      'rejected',
      422,
      'timestamp_taken',
    ),
    after(
      'the same sequence number with another amount',
      sent(now, { seq: 7 }),
      sent(now, { seq: 7, import_kwh: '1.26' }),
      'quarantined',
      409,
      'sequence_equivocation',
    ),
    after(
      'the same sequence number for another interval',
      sent(now, { seq: 7 }),
      sent(now - 900_000, { seq: 7 }),
      'quarantined',
      409,
      'sequence_equivocation',
    ),
  ];
}
