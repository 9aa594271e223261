import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { IngestRow } from '../../src/ingestion/ingest.store.js';
import { type Sql, SqlError } from '../../src/stores/mikro-orm/sql.js';
import { SqlOutbox } from '../../src/stores/mikro-orm/outbox.js';
import { StoreUnavailable } from '../../src/stores/store.js';
import {
  entryRow,
  issueReceipts,
  kinds,
  meter,
  MORNING_MS,
  QUARTER_MS,
  readingRow,
} from './sql-rows.js';
import { fakeSeal, ingestOver, openPgliteLog, type SqlLog } from './sql-log.js';

describe('Group commits in the embedded database', () => {
  let log: SqlLog;
  beforeAll(async () => {
    log = await openPgliteLog();
  });
  afterAll(async () => {
    await log?.sql.close();
  });
  const commit = async (...rows: IngestRow[]) => log.ingest.commit(rows, issueReceipts);

  test('an entry comes back as it was given, with its receipt', async () => {
    const row = readingRow('round trip', {
      signature: {
        alg: 'Ed25519',
        keyId: '0011223344556677',
        publicKey: Buffer.alloc(44, 1),
        value: Buffer.alloc(64, 2),
        batch: {
          nonce: Buffer.alloc(16, 3),
          index: 1,
          count: 3,
          path: [Buffer.alloc(32, 4), Buffer.alloc(32, 5)],
        },
      },
      reading: { ...meter('round trip'), energies: [{ register: 'import', energyUWh: 2n ** 62n }] },
    });
    const [first] = await commit(row);
    expect(first?.outcome).toEqual({ kind: 'stored', id: row.id, verdict: 'accepted' });
    const stored = await log.entries.get(row.id);
    expect(stored).toMatchObject({
      id: row.id,
      accountId: 'account-1',
      assurance: 'device-signature',
      verdict: 'accepted',
      meterId: 'round trip',
      startsMs: MORNING_MS,
      endsMs: MORNING_MS + QUARTER_MS,
    });
    const same = (a: Uint8Array | undefined, b: Uint8Array) =>
      expect(Buffer.from(a ?? []).toString('hex')).toBe(Buffer.from(b).toString('hex'));
    same(stored?.bytes, row.bytes);
    same(stored?.logHash, row.logHash);
    same(stored?.salt, row.salt);
    same(stored?.signature?.batch?.path[1], Buffer.alloc(32, 5));
    const receipt = await log.entries.receipt(row.id);
    expect(receipt?.index).toBe(first?.receipt?.index);
    same(receipt?.leaves[0], first?.receipt?.leaves[0] ?? Buffer.alloc(0));
    const [energy] = await log.sql.query<{ energy_uwh: bigint }>(
      `SELECT energy_uwh FROM reading WHERE entry_id = $1`,
      [row.id.slice(4)],
    );
    expect(energy?.energy_uwh).toBe(4_611_686_018_427_387_904n);
  });

  test('of overlapping readings in one group the first that arrived is stored', async () => {
    const overlapping = (text: string, offsetMs: number, registers: string[]) =>
      readingRow(`${text} ${offsetMs}`, {
        reading: {
          ...meter('order'),
          startsMs: MORNING_MS + offsetMs,
          endsMs: MORNING_MS + offsetMs + QUARTER_MS,
          energies: registers.map((register) => ({ register, energyUWh: 1n })),
        },
      });
    for (const swapped of [false, true]) {
      const offset = swapped ? 10 * QUARTER_MS : 0;
      const pair = [
        overlapping('early', offset, ['import']),
        overlapping('late', offset + 1_000, ['import']),
      ];
      const answers = await commit(...(swapped ? pair.toReversed() : pair));
      expect(kinds(answers)).toEqual(['stored', 'interval_overlap']);
    }
    // Half of this one is free: it must neither keep that half nor keep the next one out of it.
    const answers = await commit(
      overlapping('half', 0, ['export', 'import']),
      overlapping('whole', 0, ['export']),
    );
    expect(kinds(answers)).toEqual(['interval_overlap', 'stored']);
  });

  test('an unsigned copy does not keep the signed one out, and the signed one is credited once', async () => {
    const reading = { ...meter('copy'), energies: [{ register: 'import', energyUWh: 1n }] };
    const unsigned = readingRow('copy', {
      assurance: 'unsigned',
      reading: { ...reading, occupies: false },
    });
    const signed = () => readingRow('copy', { reading });
    expect(kinds(await commit(unsigned))).toEqual(['stored']);
    const [upgrade] = await commit(signed());
    expect(upgrade?.outcome).toEqual({ kind: 'upgraded', id: unsigned.id, verdict: 'accepted' });
    expect(kinds(await commit(signed(), unsigned))).toEqual(['duplicate', 'duplicate']);
    expect((await log.entries.get(unsigned.id))?.assurance).toBe('device-signature');
    const counts = await log.sql.query(
      `SELECT (SELECT count(*) FROM verdict WHERE entry_id = $1) AS verdicts,
         (SELECT count(*) FROM reading WHERE entry_id = $1) AS readings,
         (SELECT count(*) FROM log_unsealed WHERE position(uuid_send($1::uuid) IN entry_ids) > 0) AS waiting,
         (SELECT count(*) FROM reading_interval WHERE entry_id = $1) AS intervals`,
      [unsigned.id.slice(4)],
    );
    expect(counts).toEqual([{ verdicts: 2n, readings: 1n, waiting: 1n, intervals: 1n }]);
  });

  test('an unsigned reading is refused where a signed one stands, a quarantined one is kept', async () => {
    await commit(readingRow('held', { reading: meter('held') }));
    const weak = (text: string, change: Partial<IngestRow>) =>
      readingRow(text, {
        assurance: 'unsigned',
        ...change,
        reading: { ...meter('held'), occupies: false },
      } as Parameters<typeof readingRow>[1]);
    expect(kinds(await commit(weak('weak', {})))).toEqual(['interval_overlap']);
    expect(kinds(await commit(weak('odd', { verdict: 'quarantined' })))).toEqual(['stored']);
  });

  test('copies of what is held are one entry, and rows that decide over each other are written in few passes', async () => {
    const held = () =>
      readingRow('held copy', {
        verdict: 'quarantined',
        reason: 'energy_above_rating',
        reading: { ...meter('held copy'), occupies: false },
      });
    const copies = Array.from({ length: 40 }, held);
    expect(kinds(await commit(...copies))).toEqual([
      'stored',
      ...copies.slice(1).map(() => 'duplicate'),
    ]);
    let issued = 0;
    const tangled = Array.from({ length: 40 }, (_, i) =>
      readingRow(`tangled ${i}`, { reading: { ...meter('tangled'), occupies: i % 2 === 0 } }),
    );
    const bystander = readingRow('bystander', { reading: meter('bystander') });
    const answers = await log.ingest.commit([...tangled, bystander], (rows) => {
      issued += 1;
      return issueReceipts(rows);
    });
    expect(issued).toBeLessThanOrEqual(16);
    expect(kinds(answers)).toEqual([
      'stored',
      ...Array.from({ length: 15 }, () => 'interval_overlap'),
      ...Array.from({ length: 24 }, () => 'not_storable'),
      'stored',
    ]);
    expect(answers[39]?.outcome).toMatchObject({
      detail: expect.stringContaining('send it apart'),
    });
  });

  test('a second reading under the same sequence number is kept as quarantined evidence', async () => {
    const numbered = (text: string) =>
      readingRow(text, {
        reading: { ...meter('liar'), sequence: { device: 'liar', epoch: 1, number: 2n ** 60n } },
      });
    await commit(numbered('truth'));
    const [second] = await commit(numbered('lie'));
    expect(second?.outcome).toMatchObject({
      kind: 'stored',
      verdict: 'quarantined',
      reason: 'sequence_equivocation',
    });
    expect(second?.receipt?.verdict).toBe('quarantined');
    const events = await new SqlOutbox(log.sql).read('liar', 'all', 1_000);
    const told = events.filter(({ data }) => data['meter'] === 'liar');
    expect(told.map(({ type }) => type)).toEqual(['reading.accepted', 'reading.quarantined']);
  });

  test('a reading that names the one it replaces takes over its interval; unknown names are refused', async () => {
    const old = readingRow('old', { reading: meter('amended') });
    await commit(old);
    const amend = (text: string, supersedes: Uint8Array, name: string) =>
      readingRow(text, { reading: { ...meter(name), supersedes } });
    expect(kinds(await commit(amend('stranger', old.logHash, 'other meter')))).toEqual([
      'supersedes_unknown',
    ]);
    expect(kinds(await commit(amend('new', old.logHash, 'amended')))).toEqual(['stored']);
    expect(kinds(await commit(readingRow('third', { reading: meter('amended') })))).toEqual([
      'interval_overlap',
    ]);
  });

  test('only the entry that the database refuses is refused, and it is counted', async () => {
    const before = log.ingest.counts.notStorable;
    const answers = await commit(
      entryRow('good 1'),
      entryRow('bad', { source: 'elsewhere' as 'external' }),
      entryRow('good 2'),
    );
    expect(kinds(answers)).toEqual(['stored', 'not_storable', 'stored']);
    expect(log.ingest.counts.notStorable).toBe(before + 1);
    expect(answers[2]?.receipt?.leaves[answers[2].receipt.index]).toBeDefined();
  });

  test('an error of the one who issues receipts comes back unchanged and leaves nothing', async () => {
    const signerLost = new Error('connection to the signer is closed');
    const row = entryRow('unsigned receipt');
    const failed = log.ingest.commit([row], () => {
      throw signerLost;
    });
    await expect(failed).rejects.toBe(signerLost);
    expect(await log.entries.get(row.id)).toBeUndefined();
  });

  test('a group that lost a deadlock is run again as a whole, five times at most', async () => {
    const failing = (times: number) => {
      let left = times;
      return ingestOver({
        kind: 'pglite',
        query: (text, params) => log.sql.query(text, params),
        transaction: <T>(work: (tx: Sql) => Promise<T>) =>
          log.sql.transaction(async (tx) => {
            const result = await work(tx);
            left -= 1;
            if (left >= 0) throw new SqlError('deadlock detected', '40P01');
            return result;
          }),
      });
    };
    const patient = failing(5);
    expect(kinds(await patient.commit([entryRow('deadlock')], issueReceipts))).toEqual(['stored']);
    expect(patient.counts.retried).toBe(5);
    await expect(failing(6).commit([entryRow('unlucky')], issueReceipts)).rejects.toThrow(
      StoreUnavailable,
    );
    expect(kinds(await commit(entryRow('unlucky')))).toEqual(['stored']);
  });

  test('a sealed log refuses changes, and its checkpoint is written once', async () => {
    await commit(entryRow('to be sealed'));
    const batch = await log.batches.seal({ maxEntries: 1_000, requireExternal: true }, fakeSeal);
    expect(batch?.first).toBe(0n);
    for (const change of [
      'DELETE FROM batch_position',
      'UPDATE batch_tile SET level = 1',
      'UPDATE batch SET count = 1',
      'DELETE FROM verdict',
      `UPDATE batch_checkpoint SET note = ''`,
    ])
      await expect(log.sql.query(change)).rejects.toMatchObject({ sqlState: '23001' });
    await log.batches.putCheckpoint(0, 'note');
    await log.batches.putCheckpoint(0, 'note');
    await expect(log.batches.putCheckpoint(0, 'other')).rejects.toMatchObject({
      code: 'checkpoint_conflict',
    });
    expect((await log.batches.head())?.checkpoint).toBe('note');
    expect(await log.batches.unsigned()).toEqual([]);
  });

  test('entries of the gateway itself never share a kwh-btc-iot batch with external ones', async () => {
    const plain = (text: string, source: 'external' | 'system') =>
      entryRow(text, { source, profile: 'kwh-btc-iot', salt: Buffer.alloc(0) });
    await commit(plain('s1', 'system'), plain('e1', 'external'), plain('s2', 'system'));
    const seal = (requireExternal: boolean) =>
      log.batches.seal({ maxEntries: 1_000, requireExternal }, fakeSeal);
    expect(await seal(true)).toMatchObject({ lane: 'external', count: 1, externalCount: 1 });
    expect(await seal(true)).toBeUndefined();
    expect(await seal(false)).toMatchObject({ lane: 'system', count: 2, externalCount: 0 });
    expect(await seal(false)).toBeUndefined();
  });
});
