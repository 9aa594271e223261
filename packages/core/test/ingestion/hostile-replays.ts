import { readDocument } from '../../src/verify/formats/default-formats.js';
import { logHash } from '../../src/verify/tree-hashing.js';
import { devices, HOSTILE_NOW_MS, type HostileBody } from './hostile-scene.js';

function hashOf(envelope: string): string {
  const { document } = JSON.parse(envelope) as { document: object };
  const { bytes } = readDocument('reading/1', JSON.stringify(document));
  return Buffer.from(logHash(bytes)).toString('hex');
}

/** Replays, overlaps and equivocation: what only shows beside what was accepted before. */
export function hostileReplays(): readonly HostileBody[] {
  const { active, other, twin } = devices;
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
  const amended = sent(now, { import_kwh: '2', supersedes: hashOf(first) });
  const earlier = sent(now - 900_000);
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
      "a reading that supersedes another meter's",
      first,
      JSON.stringify(other.signed(other.reading(now, { supersedes: hashOf(first) }))),
      'rejected',
      422,
      'supersedes_unknown',
    ),
    after(
      'a reading that supersedes nothing known',
      first,
      sent(now, { import_kwh: '2', supersedes: 'ab'.repeat(32) }),
      'rejected',
      422,
      'supersedes_unknown',
    ),
    {
      name: 'a reading that supersedes what was superseded, beside its successor',
      before: [first, amended],
      body: sent(now, { import_kwh: '3', supersedes: hashOf(first) }),
      expect: { verdict: 'rejected', status: 422, code: 'interval_overlap' },
    },
    {
      name: 'an amendment that covers a third reading, too',
      before: [first, earlier],
      body: sent(now, {
        start: new Date(now - 1_800_000).toISOString(),
        supersedes: hashOf(first),
      }),
      expect: { verdict: 'rejected', status: 422, code: 'interval_overlap' },
    },
    {
      name: 'what was superseded, sent again',
      before: [first, amended],
      body: first,
      expect: { verdict: 'duplicate', status: 200 },
    },
    after(
      'an instant inside an interval',
      first,
      sent(now, { start: new Date(now - 1).toISOString(), end: new Date(now - 1).toISOString() }),
      'rejected',
      422,
      'timestamp_taken',
    ),
    after(
      'an interval around an instant',
      sent(now - 1, { start: new Date(now - 1).toISOString() }),
      first,
      'rejected',
      422,
      'interval_overlap',
    ),
    {
      name: 'a signed batch that says one reading twice',
      body: JSON.stringify(active.batch([active.reading(now), active.reading(now)])),
      expect: { verdict: 'duplicate', status: 200, item: 1, acceptedBeside: 1 },
    },
    after(
      'a sequence number of the same key for another meter',
      sent(now, { seq: 7 }),
      JSON.stringify(twin.signed(twin.reading(now, { seq: 7 }))),
      'quarantined',
      409,
      'sequence_equivocation',
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
