import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { IMPORT_COLLECTIONS } from '../../src/imports/index.js';
import { runImport } from '../../src/cli/import-file.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { startTestGateway, type TestGateway } from '../../src/testing/start-test-gateway.js';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { TestDevice } from '../ingestion/test-devices.js';
import { ask, HOSTS } from './hosts.js';

/** Two months of a real household in the layout its publisher gave it, with gaps and values that somebody filled in. */
const FILE = resolve(
  import.meta.dirname,
  '../../../../data/opsd-household-residential4-2016-02.csv',
);
const METER = 'DE_KN_residential4';

describe.each(HOSTS)('A file of readings on %s', (host) => {
  let gateway: TestGateway;
  let clock: FakeClock;
  let api: string;
  let folder: string;
  const keys: Record<string, string> = {};

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'wattproof-import-'));
    // Years after the last value: what is imported is old.
    clock = new FakeClock(Date.parse('2020-06-01T00:00:00Z'));
    gateway = await startTestGateway({
      host,
      clock,
    });
    api = `${gateway.url}/api/v1`;
    const { meters } = gateway.services.store;
    for (const [meterId, accountId] of [
      [METER, 'house'],
      ['other', 'neighbour'],
    ] as const)
      await meters.register(
        new TestDevice(meterId).stored('active', { accountId, ratingW: 40_000 }),
        unjournaled,
      );
    for (const [name, role, scopes] of [
      ['house', 'owner', ['backfill', 'read']],
      ['neighbour', 'owner', ['backfill', 'read']],
      ['unscoped', 'owner', ['read']],
      ['auditor', 'auditor', []],
    ] as const) {
      const body = { account_id: name === 'unscoped' ? 'house' : name, role, scopes };
      keys[name] = (await ask(`${api}/admin/api-keys`, { body, key: gateway.adminKey })).json.key;
    }
  });
  afterAll(async () => {
    await gateway.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function run(file: string, ...more: readonly string[]) {
    const out: string[] = [];
    const exit = await runImport([file, '--url', gateway.url, '--json', ...more], {
      env: { WATTPROOF_API_KEY: keys['house'] },
      out: (line) => out.push(line),
      err: (line) => out.push(line),
    });
    const text = out.join('\n');
    return { exit, text, json: text.startsWith('{') ? JSON.parse(text) : undefined };
  }
  const imported = async () =>
    (await gateway.services.store.entries.list({ limit: 5000, source: 'external' })).items;

  /** Last minus first value of a column of the file, in Wh. */
  async function difference(column: string): Promise<bigint> {
    const [head, ...rows] = (await readFile(FILE, 'utf8')).trim().split('\n');
    const at = head!.split(',').indexOf(`${METER}_${column}`);
    const values = rows.map((row) => row.split(',')[at]!).filter((value) => value !== '');
    const wh = (literal: string) => BigInt(Math.round(Number(literal) * 1000));
    return wh(values.at(-1)!) - wh(values[0]!);
  }

  it('is read and counted by a dry run, which stores nothing', async () => {
    const { exit, json } = await run(FILE, '--map', 'opsd-household', '--dry-run');
    expect([exit, json.state, json.rows, json.refused, json.verdicts]).toEqual([
      0,
      'done',
      1441,
      0,
      {},
    ]);
    expect(json.readings).toBeGreaterThan(1430);
    expect(await imported()).toHaveLength(0);
  });

  it('goes on where it stopped, and is imported to the Wh', async () => {
    const bytes = await readFile(FILE);
    const begun = await ask(`${api}/imports`, {
      key: keys['house']!,
      body: {
        name: 'half of it',
        sha256: createHash('sha256').update(bytes).digest('hex'),
        size_bytes: bytes.length,
        preset: 'opsd-household',
      },
    });
    expect([begun.status, begun.json.next_byte]).toEqual([201, 0]);
    const first = await fetch(`${api}/imports/${begun.json.id}/rows?from_byte=0`, {
      method: 'POST',
      headers: { 'x-api-key': keys['house']!, 'content-type': 'text/csv' },
      body: bytes.subarray(0, 70_000),
    });
    const half = (await first.json()) as { rows: number; state: string };
    expect([first.status, half.state]).toEqual([200, 'open']);
    const { exit, json } = await run(FILE, '--map', 'opsd-household');
    expect([exit, json.id, json.state, json.rows]).toEqual([0, begun.json.id, 'done', 1441]);
    expect(half.rows).toBeLessThan(json.rows);
    const entries = await imported();
    expect(entries).toHaveLength(json.readings);
    expect(new Set(entries.map(({ assurance, accountId }) => `${assurance} ${accountId}`))).toEqual(
      new Set(['import house']),
    );
    const documents = entries.map(({ bytes: one }) =>
      JSON.parse(Buffer.from(one).toString('utf8')),
    );
    for (const [field, column] of [
      ['import_kwh', 'grid_import'],
      ['export_kwh', 'grid_export'],
      ['generation_kwh', 'pv'],
    ] as const) {
      const wh = documents.reduce(
        (sum, { [field]: kwh }) => sum + BigInt(Math.round(Number(kwh ?? 0) * 1000)),
        0n,
      );
      expect([column, wh]).toEqual([column, await difference(column)]);
    }
    expect(documents.some(({ status }) => status === 'estimated')).toBe(true);
    expect(json.missing_values).toBeGreaterThan(0);
  });

  it('is done once: the same file again stores nothing', async () => {
    const before = (await imported()).length;
    const { exit, json } = await run(FILE, '--map', 'opsd-household');
    expect([exit, json.state]).toEqual([0, 'done']);
    expect(await imported()).toHaveLength(before);
    // As another import its readings are known, too.
    const again = await run(FILE, '--map', 'opsd-household', '--zone', 'Europe/Berlin');
    expect([again.exit, again.json.verdicts]).toEqual([0, { duplicate: again.json.readings }]);
    expect(await imported()).toHaveLength(before);
  });

  it('tells each row that was refused, in a mapping of one’s own', async () => {
    const file = join(folder, 'own.csv');
    const map = join(folder, 'map.yaml');
    await writeFile(
      file,
      'when;kwh\n2019-01-01 00:00;1\n2019-01-01 01:00;x\n2019-01-01 02:00;1.5\n2019-01-01 03:00;0.2\n',
    );
    await writeFile(
      map,
      `format: csv
delimiter: ";"
time: { columns: [when], form: "yyyy-MM-dd HH:mm" }
intervalS: 3600
meters: [{ id: ${METER}, site: home, registers: [{ column: kwh, field: import_kwh, kind: register, unit: kWh }] }]
`,
    );
    const { exit, json } = await run(file, '--map', map);
    expect([exit, json.readings, json.refused, json.verdicts]).toEqual([1, 1, 2, { accepted: 1 }]);
    const report = await ask(`${api}/imports/${json.id}/refused`, { key: keys['house']! });
    expect(report.json.map(({ row, code }: { row: number; code: string }) => [row, code])).toEqual([
      [3, 'value_invalid'],
      [5, 'register_falls'],
    ]);
  });

  it('of somebody else’s meter is refused row by row', async () => {
    const file = join(folder, 'theirs.csv');
    await writeFile(
      file,
      'LCLid,stdorToU,DateTime,KWH/hh (per half hour) \nother,Std,2019-01-01 00:30:00.0,0.5\n',
    );
    const { exit, json } = await run(file, '--map', 'london-low-carbon');
    expect([exit, json.verdicts]).toEqual([1, { rejected: 1 }]);
    const report = await ask(`${api}/imports/${json.id}/refused`, { key: keys['house']! });
    expect(report.json).toMatchObject([{ row: 2, code: 'meter_not_owned' }]);
  });

  it('is nobody else’s to see or to go on with', async () => {
    const { json } = await ask(`${api}/imports`, { key: keys['house']! });
    expect(json.length).toBeGreaterThan(2);
    expect((await ask(`${api}/imports`, { key: keys['neighbour']! })).json).toEqual([]);
    for (const path of [`/imports/${json[0].id}`, `/imports/${json[0].id}/refused`])
      expect((await ask(api + path, { key: keys['neighbour']! })).status).toBe(404);
    const rows = await ask(`${api}/imports/${json[0].id}/rows?from_byte=0`, {
      body: {},
      key: keys['neighbour']!,
    });
    expect(rows.status).toBe(404);
    const body = { name: 'x', sha256: '0'.repeat(64), size_bytes: 1, preset: 'opsd-household' };
    expect((await ask(`${api}/imports`, { body, key: keys['unscoped']! })).status).toBe(403);
    expect((await ask(`${api}/imports`, { body, key: keys['auditor']! })).json.code).toBe(
      'reader_only',
    );
  });

  it.each([
    ['no mapping', {}, 400, 'body_invalid'],
    ['two mappings', { preset: 'opsd-household', mapping: {} }, 400, 'body_invalid'],
    ['an unknown preset', { preset: 'constructor' }, 404, 'mapping_unknown'],
    ['an unknown key', { preset: 'opsd-household', more: 1 }, 400, 'body_invalid'],
    ['a hash that is none', { preset: 'opsd-household', sha256: 'abc' }, 400, 'body_invalid'],
    ['an empty file', { preset: 'opsd-household', size_bytes: 0 }, 400, 'body_invalid'],
    [
      'a zone nobody knows',
      { preset: 'opsd-household', zone: 'Mars/Olympus' },
      400,
      'body_invalid',
    ],
  ])('does not begin with %s', async (_what, more, status, code) => {
    const body = { name: 'x', sha256: '1'.repeat(64), size_bytes: 9, ...more };
    const answer = await ask(`${api}/imports`, { body, key: keys['house']! });
    expect([answer.status, answer.json.code]).toEqual([status, code]);
  });

  it('loses one row that is too long, and no other, and goes in fewer readings at once where the limits ask for it', async () => {
    const site = '\u0001'.repeat(256);
    const rows = Array.from(
      { length: 600 },
      (_, at) => `${METER},${new Date(Date.UTC(2018, 0, 1, 0, at)).toISOString()},0.1\n`,
    );
    const long = `${'x'.repeat(300_000)},2018-02-01T00:00:00Z,1\n`;
    const file = join(folder, 'long.csv');
    const map = join(folder, 'long.json');
    await writeFile(file, `m,t,kwh\n${rows.join('')}${long}`);
    const register = { column: 'kwh', field: 'import_kwh', kind: 'interval', unit: 'kWh' };
    const mapping = {
      format: 'csv',
      time: { columns: ['t'] },
      intervalS: 60,
      meters: [{ idColumn: 'm', site, device: site, registers: [register] }],
    };
    await writeFile(map, JSON.stringify(mapping));
    const { json } = await run(file, '--map', map);
    expect([json.state, json.readings, json.refused]).toEqual(['done', 600, 1]);
    const report = await ask(`${api}/imports/${json.id}/refused?limit=1000`, {
      key: keys['house']!,
    });
    expect(report.json).toMatchObject([{ row: 602, code: 'meter_invalid' }]);
  });

  it('is forgotten by the hourly work, and what it brought is not', async () => {
    const { jobs, imports, store } = gateway.services;
    const before = (await imported()).length;
    await clock.advance(90 * 86_400_000 + 1);
    expect(await jobs.run('prune.imports')).toBe('ran');
    expect((await imports.list({ limit: 1 })).items).toEqual([]);
    const rows = await store.collections('core.imports', IMPORT_COLLECTIONS);
    expect((await rows.range('refused', { limit: 1 })).items).toEqual([]);
    expect(await imported()).toHaveLength(before);
  });

  it('takes its parts in order, and says which comes next', async () => {
    const head = (await readFile(FILE, 'utf8')).split('\n')[0]!;
    const size = head.length + 1;
    const sha256 = createHash('sha256').update(`${head}\n`).digest('hex');
    const body = { name: 'x', sha256, size_bytes: size, preset: 'opsd-household' };
    const { json } = await ask(`${api}/imports`, { body, key: keys['house']! });
    const send = async (fromByte: number, part: string, last = false, type = 'text/csv') => {
      const answer = await fetch(
        `${api}/imports/${json.id}/rows?from_byte=${fromByte}&last=${last}`,
        {
          method: 'POST',
          headers: { 'x-api-key': keys['house']!, 'content-type': type },
          body: part,
        },
      );
      const said = (await answer.json()) as { code?: string; detail?: string; next_byte?: number };
      return [answer.status, said.code ?? said.next_byte];
    };
    expect(await send(5, 'a\n')).toEqual([409, 'import_position']);
    expect(await send(0, 'no line ends here')).toEqual([422, 'file_unreadable']);
    expect(await send(0, 'utc_timestamp\n')).toEqual([422, 'column_missing']);
    expect(await send(0, 'a\n', false, 'text/html')).toEqual([415, 'content_type_unknown']);
    expect(await send(0, `${head}\n2019`)).toEqual([422, 'size_differs']);
    expect(await send(0, head, true)).toEqual([422, 'size_differs']);
    expect(await send(0, `${head};`, true)).toEqual([422, 'sha256_differs']);
    expect(await send(0, `${head}\n`)).toEqual([200, size]);
    expect(await send(size, '', true)).toEqual([200, size]);
    expect(await send(size, '', true)).toEqual([409, 'import_finished']);
  });
});
