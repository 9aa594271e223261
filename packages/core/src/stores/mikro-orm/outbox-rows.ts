import type { CommittedEvent } from '../committed-events.js';
import type { JsonObject } from '../../spi/index.js';
import type { Sql, SqlValue } from './sql.js';

/** Few rows to number, and no reader has to parse a thousand events for the sake of one. */
const EVENTS_PER_ROW = 256;

/** Columns of the outbox's rows, for `unnest($1::int4[], $2::text[], $3::text[], $4::int8[])`. */
export function outboxColumns(events: readonly CommittedEvent[]): SqlValue[] {
  const runs: (readonly CommittedEvent[])[] = [];
  for (let at = 0; at < events.length;) {
    const atMs = events[at]?.atMs;
    let end = at + 1;
    while (end < events.length && end - at < EVENTS_PER_ROW && events[end]?.atMs === atMs) end += 1;
    runs.push(events.slice(at, end));
    at = end;
  }
  return [
    runs.map((run) => run.length),
    // Types are words and dots: no comma can be in them.
    runs.map((run) => [...new Set(run.map(({ type }) => type))].join(',')),
    runs.map((run) => JSON.stringify(run.map(({ type, data }) => [type, data]))),
    runs.map((run) => run[0]?.atMs ?? 0),
  ];
}

/** What the columns become; `from` numbers the first parameter. */
export function insertOutbox(from: number): string {
  return `INSERT INTO outbox (count, types, events, at_ms)
    SELECT o.count, string_to_array(o.types, ','), o.events, o.at_ms
    FROM unnest($${from}::int4[], $${from + 1}::text[], $${from + 2}::text[], $${from + 3}::int8[])
      WITH ORDINALITY AS o (count, types, events, at_ms, place) ORDER BY o.place`;
}

export async function appendEvents(tx: Sql, events: readonly CommittedEvent[]): Promise<void> {
  await tx.query(insertOutbox(1), outboxColumns(events));
}

/** The events of one row, in order. */
export function eventsOf(text: string): readonly (readonly [type: string, data: JsonObject])[] {
  return JSON.parse(text) as (readonly [string, JsonObject])[];
}
