import { forgottenNotice } from '../../events/notices/forgotten-notice.js';
import type { NewNotice, Notice, NoticeStore } from '../../events/notices/notice.store.js';
import type { JsonObject } from '../../spi/index.js';
import { numberCursor, page, readNumberCursor } from '../list-cursor.js';
import { noticeId, numberOfNotice } from '../notice-id.js';
import { entryIdOf, uuidOf } from './entry-id.js';
import type { Sql } from './sql.js';
import type { SqlChanges } from './sql-changes.js';
import { column } from './sql-column.js';

interface NoticeRow {
  readonly id: bigint;
  readonly account_id: string;
  readonly type: string;
  readonly text: string;
  readonly data: string;
  readonly at_ms: bigint;
  readonly count: bigint;
  readonly read_at_ms: bigint | null;
}

const NOTICE = 'id, account_id, type, text, data, at_ms, count, read_at_ms';

export class SqlNotices implements NoticeStore {
  constructor(
    private readonly sql: Sql,
    private readonly changes: SqlChanges,
  ) {}

  async put(notices: readonly NewNotice[]): Promise<void> {
    // Alike ones one after the other; what a statement before has written the next one sees.
    for (const given of notices)
      await this.changes.run(async (tx) => {
        const { accountId, topic, eventId, data, entryId } = given;
        await tx.query(
          `INSERT INTO notice AS n (account_id, topic, type, text, data, at_ms, count, last_event, entry_id)
           SELECT $1::text, $2::text, $3::text, $4::text, $5::text, $6::int8, 1, $7::text, $8::uuid
           WHERE NOT EXISTS (SELECT FROM notice WHERE account_id = $1 AND topic = $2 AND last_event >= $7)
           ON CONFLICT (account_id, topic) WHERE read_at_ms IS NULL DO UPDATE SET
             text = excluded.text, data = excluded.data, at_ms = excluded.at_ms, count = n.count + 1,
             last_event = excluded.last_event, entry_id = excluded.entry_id
           WHERE n.last_event < excluded.last_event`,
          [
            accountId,
            topic,
            given.type,
            given.text,
            JSON.stringify(data),
            given.atMs,
            eventId,
            uuidOf(entryId ?? '') ?? null,
          ],
        );
        if (entryId !== undefined)
          await forget(tx, `${ERASED} AND account_id = $1 AND topic = $2`, [accountId, topic]);
      });
  }

  async list(query: Parameters<NoticeStore['list']>[0]) {
    const before = query.cursor === undefined ? null : readNumberCursor(query.cursor);
    const rows = await this.sql.query<NoticeRow>(
      `SELECT ${NOTICE} FROM notice
       WHERE account_id = $1 AND ($2::int8 IS NULL OR id < $2::int8) AND (NOT $3 OR read_at_ms IS NULL)
       ORDER BY id DESC LIMIT $4`,
      [query.accountId, before, query.unread === true, query.limit + 1],
    );
    const { items, ...rest } = page(rows, query.limit, ({ id }) => numberCursor(id));
    return { ...rest, items: items.map(noticeOf) };
  }

  async unread(accountId: string): Promise<number> {
    const [row] = await this.sql.query<{ unread: bigint }>(
      'SELECT count(*) AS unread FROM notice WHERE account_id = $1 AND read_at_ms IS NULL',
      [accountId],
    );
    return Number(row?.unread ?? 0n);
  }

  async markRead(id: string, accountId: string, atMs: number): Promise<Notice | undefined> {
    const [row] = await this.sql.query<NoticeRow>(
      `UPDATE notice SET read_at_ms = coalesce(read_at_ms, $3) WHERE id = $1 AND account_id = $2 RETURNING ${NOTICE}`,
      [numberOfNotice(id), accountId, atMs],
    );
    return row === undefined ? undefined : noticeOf(row);
  }

  async forgetEntries(entryIds: readonly string[]): Promise<void> {
    const ids = entryIds.map(uuidOf).filter((id) => id !== undefined);
    if (ids.length > 0)
      await this.changes.run((tx) => forget(tx, 'entry_id = ANY($1::uuid[])', [ids]));
  }

  async prune(beforeMs: number): Promise<number> {
    await this.changes.run((tx) => forget(tx, ERASED, []));
    const [row] = await this.sql.query<{ pruned: bigint }>(
      `WITH gone AS (DELETE FROM notice WHERE coalesce(read_at_ms, at_ms) < $1 RETURNING 1)
       SELECT count(*) AS pruned FROM gone`,
      [beforeMs],
    );
    return Number(row?.pruned ?? 0n);
  }
}

const ERASED = `entry_id IN (SELECT entry_id FROM erased_entry) AND topic NOT LIKE 'erased %'`;

async function forget(tx: Sql, which: string, params: Parameters<Sql['query']>[1]): Promise<void> {
  const found = await tx.query<{ id: bigint; entry_id: string }>(
    `SELECT id, entry_id FROM notice WHERE ${which} ORDER BY id FOR UPDATE`,
    params,
  );
  if (found.length === 0) return;
  const left = found.map(({ id, entry_id: entry }) => ({
    id,
    ...forgottenNotice(entryIdOf(entry), String(id)),
  }));
  await tx.query(
    `UPDATE notice n SET topic = f.topic, text = f.text, data = f.data
     FROM unnest($1::int8[], $2::text[], $3::text[], $4::text[]) AS f (id, topic, text, data) WHERE n.id = f.id`,
    [
      column(left, ({ id }) => id),
      column(left, ({ topic }) => topic),
      column(left, ({ text }) => text),
      column(left, ({ data }) => JSON.stringify(data)),
    ],
  );
}

function noticeOf(row: NoticeRow): Notice {
  return {
    id: noticeId(row.id),
    accountId: row.account_id,
    type: row.type,
    text: row.text,
    data: JSON.parse(row.data) as JsonObject,
    atMs: Number(row.at_ms),
    count: Number(row.count),
    ...(row.read_at_ms === null ? {} : { readAtMs: Number(row.read_at_ms) }),
  };
}
