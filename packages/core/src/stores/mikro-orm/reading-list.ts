import type {
  ListedReading,
  ReadingCounts,
  ReadingListStore,
  ReadingQuery,
} from '../../energy-ledger/reading-list.store.js';
import type { StoredVerdict } from '../../logs/verdict.js';
import { numberCursor, page, readNumberCursor } from '../list-cursor.js';
import { entryIdOf, uuidOf } from './entry-id.js';
import { ListConditions } from './list-conditions.js';
import type { Sql } from './sql.js';

interface ReadingRow {
  readonly id: string;
  readonly account_id: string;
  readonly meter_id: string;
  readonly format: string;
  readonly arrival: bigint;
  readonly ends_ms: bigint;
  readonly received_at_ms: bigint;
  readonly register: string;
  readonly energy_uwh: bigint;
  readonly verdict: StoredVerdict;
  readonly reason: string | null;
  readonly credited: bigint;
  readonly claimed: bigint;
  readonly minted: bigint;
  readonly mint_key: string | null;
  readonly bytes: Uint8Array | null;
}

/** What it says of delivered energy, else of the first of its registers by name. */
const SHOWN = `CROSS JOIN LATERAL (SELECT register, energy_uwh FROM reading WHERE entry_id = e.id
    ORDER BY (register = 'generation') DESC, (register = 'export') DESC, register LIMIT 1) r`;
const IS_READING = `e.type = 'reading' AND e.meter_id IS NOT NULL`;

/** What is shown of the readings `f`: looked up for those of one page, and not for those that are left out. `$1`: formats whose bytes are read. */
const READING = `SELECT e.id, e.account_id, e.meter_id, e.format, e.arrival, e.ends_ms, e.received_at_ms, r.register,
    r.energy_uwh, v.verdict, v.reason, a.credited, a.claimed, m.minted, m.mint_key, b.bytes
  FROM f JOIN entry e ON e.id = f.id
  ${SHOWN}
  CROSS JOIN LATERAL (SELECT verdict, reason FROM verdict WHERE entry_id = e.id ORDER BY group_id DESC LIMIT 1) v
  CROSS JOIN LATERAL (SELECT coalesce(sum(credited), 0)::int8 AS credited, coalesce(sum(claimed), 0)::int8 AS claimed
    FROM energy_account WHERE entry_id = e.id AND class = 'energy') a
  CROSS JOIN LATERAL (SELECT coalesce(sum(c.amount), 0)::int8 AS minted,
      (array_agg(c.key ORDER BY c.id DESC))[1] AS mint_key
    FROM energy_account x JOIN energy_claim c ON c.account = x.id
    WHERE x.entry_id = e.id AND x.class = 'energy' AND c.purpose IN ('token', 'token-with-origin')) m
  LEFT JOIN entry_body b ON b.entry_id = e.id AND e.format = ANY($1::text[])`;

// Each has an index in the order of the list: a page looks at nothing that it does not show.
const ONLY = { minted: 'e.minted', unminted: 'NOT e.minted', mintable: undefined } as const;
/** Each reading once, whatever its registers; looked up one by one, since what can be minted may be next to nothing (OFFSET 0 is a fence). */
const mintable = (
  direction: string,
): string => `(SELECT DISTINCT arrival FROM energy_account WHERE claimable
    ORDER BY arrival ${direction}) x
  CROSS JOIN LATERAL (SELECT * FROM entry WHERE arrival = x.arrival OFFSET 0) e`;
const SORTED_BY = { ends: 'e.ends_ms', energy: 'r.energy_uwh' } as const;

export class SqlReadingList implements ReadingListStore {
  constructor(private readonly sql: Sql) {}

  async get(id: string, bytesOf: readonly string[] = []): Promise<ListedReading | undefined> {
    const uuid = uuidOf(id);
    if (uuid === undefined) return undefined;
    const [row] = await this.sql.query<ReadingRow>(
      `WITH f AS (SELECT e.id FROM entry e WHERE ${IS_READING} AND e.id = $2::uuid) ${READING}`,
      [bytesOf, uuid],
    );
    return row === undefined ? undefined : readingOf(row);
  }

  async list(
    query: ReadingQuery,
  ): Promise<{ readonly items: readonly ListedReading[]; readonly cursor?: string }> {
    const list = new ListConditions([query.bytesOf ?? [], query.limit + 1, query.skip ?? 0]);
    const condition = query.only && ONLY[query.only];
    if (condition !== undefined) list.and(condition);
    const direction = query.order === 'newest' ? 'DESC' : 'ASC';
    const [from, arrival] =
      query.only === 'mintable' ? [mintable(direction), 'x.arrival'] : ['entry e', 'e.arrival'];
    list.where('e.account_id =', query.accountId);
    list.where('e.meter_id =', query.meterId);
    list.where('e.ends_ms >=', query.fromMs);
    list.where('e.ends_ms <', query.toMs);
    const behind = query.cursor === undefined ? undefined : readNumberCursor(query.cursor);
    list.where(`${arrival} ${query.order === 'newest' ? '<' : '>'}`, behind);
    const first = query.sortBy === undefined ? '' : `${SORTED_BY[query.sortBy]} ${direction},`;
    const order = (place: string): string => `ORDER BY ${first} ${place} ${direction}`;
    const rows = await this.sql.query<ReadingRow>(
      `WITH f AS MATERIALIZED (SELECT e.id FROM ${from} ${query.sortBy === 'energy' ? SHOWN : ''}
         WHERE ${IS_READING} ${list.further} ${order(arrival)} LIMIT $2 OFFSET $3)
       ${READING} ${order('e.arrival')}`,
      list.params,
    );
    const { items, cursor } = page(rows, query.limit, (last) => numberCursor(last.arrival));
    return { items: items.map(readingOf), ...(cursor === undefined ? {} : { cursor }) };
  }

  async counts(accountId?: string): Promise<ReadingCounts> {
    const [row] = await this.sql.query<{ counted: bigint; quarantined: bigint; minted: bigint }>(
      `SELECT count(*) FILTER (WHERE v.verdict IN ('accepted', 'flagged')) AS counted,
         count(*) FILTER (WHERE v.verdict = 'quarantined') AS quarantined,
         (SELECT coalesce(sum(c.amount), 0)::int8 FROM energy_account x JOIN energy_claim c ON c.account = x.id
          WHERE ($1::text IS NULL OR x.account_id = $1) AND x.class = 'energy'
            AND c.purpose IN ('token', 'token-with-origin')) AS minted
       FROM (SELECT DISTINCT meter_id, account_id FROM meter_ownership
         WHERE $1::text IS NULL OR account_id = $1) o
       JOIN entry e ON e.meter_id = o.meter_id AND e.account_id = o.account_id AND e.type = 'reading'
       CROSS JOIN LATERAL (SELECT verdict FROM verdict WHERE entry_id = e.id ORDER BY group_id DESC LIMIT 1) v`,
      [accountId ?? null],
    );
    return {
      counted: Number(row?.counted ?? 0n),
      quarantined: Number(row?.quarantined ?? 0n),
      mintedUWh: row?.minted ?? 0n,
    };
  }

  async activeMetersOf(
    owner: { readonly name: string; readonly accountIds: readonly string[] },
    limit: number,
  ): Promise<readonly string[]> {
    // A union and not an OR: each half has its index.
    const rows = await this.sql.query<{ meter_id: string }>(
      `SELECT meter_id FROM meter WHERE state = 'active' AND owner = $1
       UNION SELECT meter_id FROM meter WHERE state = 'active' AND account_id = ANY($2::text[])
       ORDER BY meter_id LIMIT $3`,
      [owner.name, owner.accountIds, limit],
    );
    return rows.map(({ meter_id: id }) => id);
  }
}

function readingOf(row: ReadingRow): ListedReading {
  return {
    entryId: entryIdOf(row.id),
    accountId: row.account_id,
    meterId: row.meter_id,
    format: row.format,
    register: row.register,
    energyUWh: row.energy_uwh,
    endsMs: Number(row.ends_ms),
    receivedAtMs: Number(row.received_at_ms),
    verdict: row.verdict,
    ...(row.reason === null ? {} : { reason: row.reason }),
    creditedUWh: row.credited,
    claimedUWh: row.claimed,
    mintedUWh: row.minted,
    ...(row.mint_key === null ? {} : { mintKey: row.mint_key }),
    ...(row.bytes === null ? {} : { bytes: row.bytes }),
  };
}
