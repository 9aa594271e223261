import type {
  CommandAnswer,
  CommandState,
  StoredCommand,
} from '../../device-commands/device-command.js';
import type {
  AnswerOutcome,
  DeviceCommandStore,
} from '../../device-commands/device-command.store.js';
import type { Journaled } from '../../logs/journal.js';
import type { JsonObject } from '../../spi/index.js';
import { toHex } from '../../verify/bytes.js';
import { numberCursor, page, readNumberCursor } from '../list-cursor.js';
import { ListConditions } from './list-conditions.js';
import type { Sql } from './sql.js';
import type { SqlChanges } from './sql-changes.js';

interface CommandRow {
  readonly id: string;
  readonly arrival: bigint;
  readonly nonce: string;
  readonly meter_id: string;
  readonly account_id: string;
  readonly name: string;
  readonly body: string;
  readonly asked_by: string;
  readonly asked_at_ms: bigint;
  readonly deadline_ms: bigint;
  readonly state: CommandState;
  readonly sends: number;
  readonly next_send_at_ms: bigint;
  readonly sent_at_ms: bigint | null;
  readonly answered_at_ms: bigint | null;
  readonly answer: string | null;
  readonly answer_hash: Uint8Array | null;
  readonly answer_assurance: CommandAnswer['assurance'] | null;
  readonly answer_key_id: string | null;
}

const COMMAND = `SELECT id, arrival, nonce, meter_id, account_id, name, body, asked_by, asked_at_ms, deadline_ms, state, sends, next_send_at_ms,
    sent_at_ms, answered_at_ms, answer, answer_hash, answer_assurance, answer_key_id FROM device_command`;
const OPEN = `state IN ('pending', 'sent')`;

export class SqlDeviceCommands implements DeviceCommandStore {
  constructor(
    private readonly sql: Sql,
    private readonly changes: SqlChanges,
  ) {}

  async put(
    command: StoredCommand,
    most: { readonly open: number; readonly openOfMeter: number },
  ): Promise<'kept' | 'known' | 'full'> {
    const written = await this.sql.query(
      `INSERT INTO device_command (id, nonce, meter_id, account_id, name, body, asked_by, asked_at_ms, deadline_ms, state, sends,
         next_send_at_ms)
       SELECT $1::text, $2::text, $3::text, $4::text, $5::text, $6::text, $7::text, $8::int8, $9::int8, 'pending', 0, $10::int8
       WHERE (SELECT count(*) FROM device_command WHERE ${OPEN} AND meter_id = $3) < $11::int8
         AND (SELECT count(*) FROM device_command WHERE ${OPEN}) < $12::int8
       ON CONFLICT (id) DO NOTHING RETURNING 1`,
      [
        command.id,
        command.nonce,
        command.meterId,
        command.accountId,
        command.name,
        JSON.stringify(command.body),
        command.askedBy,
        command.askedAtMs,
        command.deadlineMs,
        command.nextSendAtMs,
        most.openOfMeter,
        most.open,
      ],
    );
    if (written.length > 0) return 'kept';
    return (await this.get(command.id)) === undefined ? 'full' : 'known';
  }

  async get(id: string): Promise<StoredCommand | undefined> {
    const [row] = await this.sql.query<CommandRow>(`${COMMAND} WHERE id = $1`, [id]);
    return row === undefined ? undefined : commandOf(row);
  }

  async list(query: Parameters<DeviceCommandStore['list']>[0]) {
    const list = new ListConditions([query.limit + 1]);
    list.where('meter_id =', query.meterId);
    list.where('account_id =', query.accountId);
    list.where(
      'arrival <',
      query.cursor === undefined ? undefined : readNumberCursor(query.cursor),
    );
    const { state, nowMs } = query.in ?? {};
    // As `stateAt` says: what is over is so before it is written.
    if (state === 'timeout')
      list.where(`(state = 'timeout' OR ${OPEN} AND deadline_ms <`, nowMs, ')');
    else list.where('state =', state);
    if (state === 'pending' || state === 'sent') list.where('deadline_ms >=', nowMs);
    const rows = await this.sql.query<CommandRow>(
      `${COMMAND} ${list.filter} ORDER BY arrival DESC LIMIT $1`,
      list.params,
    );
    const found = page(rows, query.limit, ({ arrival }) => numberCursor(arrival));
    return { ...found, items: found.items.map(commandOf) };
  }

  async due(
    { nowMs, pauseMs }: { readonly nowMs: number; readonly pauseMs: number },
    limit: number,
    behind?: { readonly nextSendAtMs: number; readonly id: string },
  ): Promise<readonly StoredCommand[]> {
    const rows = await this.sql.query<CommandRow>(
      `${COMMAND} WHERE ${OPEN} AND (next_send_at_ms <= $1 OR next_send_at_ms > $5::int8) AND deadline_ms >= $1
         AND ($3::int8 IS NULL OR (next_send_at_ms, id) > ($3::int8, $4::text))
       ORDER BY next_send_at_ms, id LIMIT $2`,
      [nowMs, limit, behind?.nextSendAtMs ?? null, behind?.id ?? null, nowMs + pauseMs],
    );
    return rows.map(commandOf);
  }

  async markSent(id: string, atMs: number, nextSendAtMs: number): Promise<void> {
    await this.sql.query(
      `UPDATE device_command SET state = 'sent', sends = sends + 1, sent_at_ms = coalesce(sent_at_ms, $2), next_send_at_ms = $3
       WHERE id = $1 AND ${OPEN}`,
      [id, atMs, nextSendAtMs],
    );
  }

  answer(id: string, answer: CommandAnswer, told: Journaled): Promise<AnswerOutcome> {
    return this.changes.run(async (tx, journal): Promise<AnswerOutcome> => {
      const taken = await tx.query(
        `UPDATE device_command SET state = 'answered', answered_at_ms = $2, answer = $3, answer_hash = $4, answer_assurance = $5,
           answer_key_id = $6
         WHERE id = $1 AND ${OPEN} AND deadline_ms >= $2 RETURNING 1`,
        [
          id,
          answer.atMs,
          JSON.stringify(answer.body),
          answer.hash,
          answer.assurance,
          answer.keyId ?? null,
        ],
      );
      if (taken.length > 0) {
        await journal(told);
        return 'accepted';
      }
      // A new statement: it sees whoever was first.
      const [found] = await tx.query<Pick<CommandRow, 'state' | 'answer_hash'>>(
        'SELECT state, answer_hash FROM device_command WHERE id = $1',
        [id],
      );
      if (found?.state !== 'answered') return 'late';
      const isSame = toHex(found.answer_hash ?? new Uint8Array(0)) === toHex(answer.hash);
      return isSame ? 'duplicate' : 'contradicts';
    });
  }

  expire(
    nowMs: number,
    limit: number,
    tell: (command: StoredCommand) => Journaled,
  ): Promise<number> {
    return this.changes.run(async (tx, journal) => {
      const ids = await tx.query<{ id: string }>(
        `UPDATE device_command SET state = 'timeout' WHERE id IN
           (SELECT id FROM device_command WHERE ${OPEN} AND deadline_ms < $1 ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED)
         RETURNING id`,
        [nowMs, limit],
      );
      if (ids.length === 0) return 0;
      const rows = await tx.query<CommandRow>(`${COMMAND} WHERE id = ANY($1::text[]) ORDER BY id`, [
        ids.map(({ id }) => id),
      ]);
      for (const row of rows) await journal(tell(commandOf(row)));
      return rows.length;
    });
  }

  async counts(): ReturnType<DeviceCommandStore['counts']> {
    const rows = await this.sql.query<{ state: CommandState; count: bigint }>(
      'SELECT state, count(*) AS count FROM device_command GROUP BY state',
    );
    const none = { pending: 0, sent: 0, answered: 0, timeout: 0 };
    return { ...none, ...Object.fromEntries(rows.map((row) => [row.state, Number(row.count)])) };
  }

  async prune(beforeMs: number): Promise<void> {
    await this.sql.query(
      `DELETE FROM device_command WHERE state IN ('answered', 'timeout') AND deadline_ms < $1`,
      [beforeMs],
    );
  }
}

function commandOf(row: CommandRow): StoredCommand {
  const { answer, answer_hash: hash, answer_assurance: assurance, answer_key_id: keyId } = row;
  return {
    id: row.id,
    nonce: row.nonce,
    meterId: row.meter_id,
    accountId: row.account_id,
    name: row.name,
    body: JSON.parse(row.body) as JsonObject,
    askedBy: row.asked_by,
    askedAtMs: Number(row.asked_at_ms),
    deadlineMs: Number(row.deadline_ms),
    state: row.state,
    sends: row.sends,
    nextSendAtMs: Number(row.next_send_at_ms),
    ...(row.sent_at_ms === null ? {} : { sentAtMs: Number(row.sent_at_ms) }),
    ...(answer === null || hash === null || assurance === null
      ? {}
      : {
          answer: {
            body: JSON.parse(answer) as JsonObject,
            hash,
            atMs: Number(row.answered_at_ms),
            assurance,
            ...(keyId === null ? {} : { keyId }),
          },
        }),
  };
}
