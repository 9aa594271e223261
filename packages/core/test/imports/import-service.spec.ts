import { describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { IMPORT_COLLECTIONS, ImportsConfig, ImportService } from '../../src/imports/index.js';
import { ImportMapping, type ImportMappingInput } from '../../src/imports/mapping.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { openMemoryStore } from '../../src/stores/memory/open-memory-store.js';
import { readDocument } from '../../src/verify/index.js';
import type { CollectionWrite, IngestAnswer } from '../../src/spi/index.js';

const IMPORTER = { accountId: 'house', by: 'k', everyAccount: false };
const sha256 = (text: string | Uint8Array): string =>
  createHash('sha256').update(text).digest('hex');

const DAY_MS = 86_400_000;
const REGISTER = {
  format: 'csv',
  time: { columns: ['t'] },
  intervalS: 3600,
  meters: [
    {
      id: 'm',
      site: 's',
      registers: [{ column: 'kwh', field: 'import_kwh', kind: 'register', unit: 'kWh' }],
    },
  ],
} as const satisfies ImportMappingInput;

async function scene() {
  const clock = new FakeClock(Date.parse('2026-01-01T00:00:00Z'));
  const store = openMemoryStore({ clock });
  const opened = await store.collections('core.imports', IMPORT_COLLECTIONS);
  const kept = new Set<string>();
  const answers: ('ok' | 'retry')[] = [];
  let failNextBatch = false;
  let handedIn = 0;
  const service = new ImportService({
    collections: {
      get: (...given) => opened.get(...given),
      put: (...given) => opened.put(...given),
      delete: (...given) => opened.delete(...given),
      range: (...given) => opened.range(...given),
      batch: async (writes: readonly CollectionWrite[]) => {
        if (failNextBatch) {
          failNextBatch = false;
          throw new Error('the connection ended');
        }
        return opened.batch(writes);
      },
    },
    clock,
    config: ImportsConfig.parse({ keepMs: DAY_MS }),
    digest: sha256,
    readDocument,
    accept: async ({ bytes }): Promise<IngestAnswer> => {
      if (answers.shift() === 'retry')
        return { kind: 'retry', code: 'throttled', retryAfterMs: 1000 };
      const items = Buffer.from(bytes)
        .toString('utf8')
        .split('\n')
        .map((line) => {
          const verdict = kept.has(line) ? ('duplicate' as const) : ('accepted' as const);
          kept.add(line);
          handedIn += 1;
          return { verdict };
        });
      return { kind: 'items', items } as unknown as IngestAnswer;
    },
  });
  return {
    service,
    clock,
    opened,
    kept,
    answers,
    handedIn: () => handedIn,
    failBatch: () => {
      failNextBatch = true;
    },
    async begin(text: string | Uint8Array, mapping: ImportMappingInput = REGISTER, attempt = 1) {
      return service.begin(
        {
          name: 'f',
          sha256: sha256(text),
          sizeBytes: Buffer.from(text as string).length,
          mapping: ImportMapping.parse(mapping),
          dryRun: false,
          attempt,
        },
        IMPORTER,
      );
    },
    take: (id: string, fromByte: number, bytes: string | Uint8Array, last = false) =>
      service.take(id, { fromByte, bytes: Buffer.from(bytes as string), last }, IMPORTER),
  };
}

describe('An import', () => {
  const HOURS = (from: number, to: number): string =>
    Array.from(
      { length: to - from },
      (_, at) => `${new Date((from + at) * 3_600_000).toISOString()},${from + at}\n`,
    ).join('');

  it('that breaks between its readings and its place loses none of them and doubles none', async () => {
    const { begin, take, failBatch, kept } = await scene();
    const text = `t,kwh\n${HOURS(0, 40)}`;
    const { id } = await begin(text);
    const part = text.slice(0, text.indexOf('\n', 300) + 1);
    failBatch();
    await expect(take(id, 0, part)).rejects.toThrow('the connection ended');
    const first = await take(id, 0, part);
    const done = await take(id, part.length, text.slice(part.length), true);
    expect(kept.size).toBe(39);
    expect(done).toMatchObject({ state: 'done', counts: { rows: 41, readings: 39, refused: 0 } });
    // What the gateway said the second time is told as it is.
    const again = (first as typeof done & { counts: { verdicts: object } }).counts.verdicts;
    expect(again).toEqual({ duplicate: expect.any(Number) });
  });

  it('that is asked to wait goes on with the readings that were not taken, and none is handed in twice', async () => {
    const { begin, take, answers, kept, handedIn } = await scene();
    const text = `t,kwh\nx,y\n${HOURS(0, 1601)}`;
    const { id } = await begin(text);
    answers.push('ok', 'retry', 'ok', 'retry');
    expect(await take(id, 0, text, true)).toMatchObject({ kind: 'retry' });
    // A smaller part may come then.
    const some = text.slice(0, text.indexOf('\n', 4000) + 1);
    expect(await take(id, 0, some)).toMatchObject({ nextByte: some.length });
    const rest = text.slice(some.length);
    expect(await take(id, some.length, rest, true)).toMatchObject({ kind: 'retry' });
    expect(await take(id, some.length, rest, true)).toMatchObject({
      state: 'done',
      ahead: 0,
      counts: { rows: 1603, readings: 1600, refused: 1, verdicts: { accepted: 1600 } },
    });
    expect([kept.size, handedIn()]).toEqual([1600, 1600]);
  });

  it('sent twice at once is taken once', async () => {
    const { begin, take, kept, service } = await scene();
    const text = `t,kwh\n${HOURS(0, 10)}`;
    const { id } = await begin(text);
    const both = await Promise.allSettled([take(id, 0, text, true), take(id, 0, text, true)]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(kept.size).toBe(9);
    expect((await service.get(id))?.counts).toMatchObject({ rows: 11, readings: 9 });
  });

  it('takes as many bytes as it began with', async () => {
    const { begin, take } = await scene();
    const text = `t,kwh\n${HOURS(0, 3)}`;
    const { id } = await begin(text);
    const size = { code: 'size_differs' };
    await expect(take(id, 0, `${text}x`)).rejects.toMatchObject(size);
    await expect(take(id, 0, `${text}x`, true)).rejects.toMatchObject(size);
    await expect(take(id, 0, text.slice(0, -1), true)).rejects.toMatchObject(size);
    expect(await take(id, 0, text, true)).toMatchObject({ state: 'done', nextByte: text.length });
  });

  it('whose bytes are not those of its SHA-256 hands nothing in, and goes on with those that are', async () => {
    const { begin, take, kept, service } = await scene();
    const text = `t,kwh\n${HOURS(0, 3)}`;
    const { id } = await begin(text);
    const other = text.replace(',2\n', ',9\n');
    const differs = { code: 'sha256_differs', message: expect.stringContaining(sha256(other)) };
    await expect(take(id, 0, other, true)).rejects.toMatchObject(differs);
    // Not even when it does not say that it ends the file.
    await expect(take(id, 0, other)).rejects.toMatchObject(differs);
    expect([kept.size, (await service.get(id))?.counts.rows]).toEqual([0, 0]);
    expect(await take(id, 0, text, true)).toMatchObject({ state: 'done' });
    expect(kept.size).toBe(2);
  });

  it('is not ended by another file, wherever one went over into the other', async () => {
    const { begin, take, kept } = await scene();
    const text = `t,kwh\n${HOURS(0, 60)}`;
    const other = text.replace(',59\n', ',99\n');
    const { id } = await begin(text);
    const at = text.indexOf('\n', 700) + 1;
    await take(id, 0, text.slice(0, at));
    const before = kept.size;
    await expect(take(id, at, other.slice(at), true)).rejects.toMatchObject({
      code: 'sha256_differs',
    });
    expect(kept.size).toBe(before);
    expect(await take(id, at, text.slice(at), true)).toMatchObject({ state: 'done', hashed: '' });
    expect(kept.size).toBe(59);
  });

  it('can be done once more, as another attempt', async () => {
    const { begin, take } = await scene();
    const text = `t,kwh\n${HOURS(0, 3)}`;
    const first = await begin(text);
    await take(first.id, 0, text, true);
    expect(await begin(text)).toMatchObject({ id: first.id, state: 'done' });
    expect(await begin(text, REGISTER, 2)).toMatchObject({ state: 'open', nextByte: 0 });
  });

  it('reads so many rows at once, in time that grows with the file alone', async () => {
    const { begin, take, kept } = await scene();
    const text = `t,kwh\n${HOURS(0, 20_000)}`;
    const { id } = await begin(text);
    let [at, parts] = [0, 0];
    for (; at < text.length; parts += 1) {
      const taken = await take(id, at, text.slice(at), true);
      at = (taken as { nextByte: number }).nextByte;
    }
    expect([kept.size, parts]).toEqual([19_999, 5]);
  });

  it('takes no mapping that would not fit beside its place', async () => {
    const { begin } = await scene();
    const meters = Array.from({ length: 256 }, (_, at) => ({
      ...REGISTER.meters[0],
      id: String(at),
      site: 'x'.repeat(256),
      device: 'x'.repeat(256),
    }));
    await expect(begin('t\n', { ...REGISTER, meters })).rejects.toMatchObject({
      code: 'mapping_too_large',
    });
  });

  it('is forgotten with its report once it was kept for long enough, done or not, and no other is', async () => {
    const { begin, take, service, clock, opened } = await scene();
    const bad = `t,kwh\n${'x,y\n'.repeat(1200)}`;
    const [done, open] = [await begin(bad), await begin(bad, REGISTER, 2)];
    await take(done.id, 0, bad, true);
    await take(open.id, 0, bad.slice(0, 4006));
    await clock.advance(DAY_MS);
    await service.prune();
    expect((await service.list({ limit: 9 })).items).toHaveLength(2);
    const young = await begin(bad, REGISTER, 3);
    await take(young.id, 0, bad, true);
    await clock.advance(1);
    await service.prune();
    expect((await service.list({ limit: 9 })).items).toMatchObject([{ id: young.id }]);
    const rows = await opened.range('refused', { limit: 1000 });
    expect(rows.items.every(({ key }) => key.startsWith(`${young.id}/`))).toBe(true);
    // The same file is another import then.
    expect(await begin(bad)).toMatchObject({ id: done.id, state: 'open', nextByte: 0 });
  });

  it('that goes on while it is forgotten stays', async () => {
    const { begin, take, service, clock, opened } = await scene();
    const text = `t,kwh\nx,y\n${HOURS(0, 2)}`;
    const { id } = await begin(text);
    await take(id, 0, text.slice(0, 10));
    await clock.advance(DAY_MS + 1);
    const { batch } = opened;
    opened.batch = async (writes) => {
      opened.batch = batch;
      await take(id, 10, text.slice(10), true);
      return batch.call(opened, writes);
    };
    await service.prune();
    expect(await service.get(id)).toMatchObject({ state: 'done', counts: { refused: 1 } });
  });

  it('that cannot be read from some byte on says which, and keeps what came before', async () => {
    const { begin, take, kept } = await scene();
    const head = `t,kwh\n${HOURS(0, 3)}`;
    for (const [attempt, rest, byte] of [
      [
        1,
        Buffer.concat([Buffer.from(`${HOURS(3, 4)}caf`), Buffer.of(0xe9), Buffer.from(',1\n')]),
        27,
      ],
      [2, Buffer.from(`${HOURS(3, 4)}"2020,1\n`), 0],
    ] as const) {
      const bytes = Buffer.concat([Buffer.from(head), rest]);
      const { id } = await begin(bytes, REGISTER, attempt);
      await take(id, 0, head);
      await expect(take(id, head.length, rest, true)).rejects.toMatchObject({
        code: 'file_unreadable',
        message: expect.stringContaining(`byte ${head.length + byte}`),
      });
    }
    expect(kept.size).toBe(2);
  });

  it('tells of odd cells in a way that can be stored and told', async () => {
    const { begin, take, service } = await scene();
    const text = `t,kwh\n2020-01-01T00:00:00Z,\0${'x'.repeat(62)}\u{1f600}\n`;
    const { id } = await begin(text);
    await take(id, 0, text, true);
    const { items } = await service.refused(id, { limit: 10 });
    expect(items).toMatchObject([{ row: 2, code: 'value_invalid' }]);
    expect(items[0]!.detail).not.toMatch(/[\p{Cc}\p{Cs}]/u);
  });
});
