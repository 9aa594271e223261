import assert from 'node:assert/strict';
import type { EntryLeaf, EntryQuery, StoredEntry } from '../../logs/entry.store.js';
import type { Store } from '../../stores/store.js';
import { sealAll } from './sample-batches.js';
import {
  QUARTER_MS,
  quarterHours,
  sampleEntry,
  sampleReading,
  sampleSignature,
  unique,
} from './sample-rows.js';
import { plain, type StoreScene, type Test } from './store-scene.js';

/** Every entry of a query, page by page. */
async function allPages(
  store: Store,
  query: Omit<EntryQuery, 'cursor'>,
): Promise<readonly StoredEntry[]> {
  const found: StoredEntry[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < 1_000; pages += 1) {
    const page = await store.entries.list(cursor === undefined ? query : { ...query, cursor });
    assert.ok(page.items.length <= query.limit);
    found.push(...page.items);
    cursor = page.cursor;
    if (cursor === undefined) return found;
  }
  throw new Error('the list never ended');
}

function leafOf(entry: StoredEntry | undefined): EntryLeaf | undefined {
  if (entry === undefined) return undefined;
  const { id, accountId, logHash, salt, batch } = entry;
  const place = batch === undefined ? {} : { batch: { number: batch.number, index: batch.index } };
  return { id, accountId, logHash, salt, ...place };
}

export function entryTests(scene: StoreScene, it: Test): void {
  it('gives back an entry exactly as it was committed', async () => {
    const store = await scene.store();
    const row = sampleReading({
      signature: sampleSignature(),
      verdict: 'flagged',
      reason: 'stuck',
    });
    await scene.commit(row);
    assert.deepEqual(plain(await store.entries.get(row.id)), plain(expected(row)));

    const unsalted = sampleEntry({ salt: new Uint8Array(), source: 'system', type: 'log-key' });
    await scene.commit(unsalted);
    assert.deepEqual(plain(await store.entries.get(unsalted.id)), plain(expected(unsalted)));
  });

  it('gives a proof the leaf that the whole entry shows, before and after sealing', async () => {
    const store = await scene.store();
    const rows = quarterHours(150);
    await scene.commit(...rows);
    const leaves = () => Promise.all(rows.map(({ id }) => store.entries.leaf(id)));
    const shown = async () =>
      (await Promise.all(rows.map(({ id }) => store.entries.get(id)))).map(leafOf);
    assert.equal((await leaves())[140]?.batch, undefined);
    assert.deepEqual(plain(await leaves()), plain(await shown()));
    await sealAll(store);
    assert.ok((await leaves()).every((leaf) => leaf?.batch !== undefined));
    assert.deepEqual(plain(await leaves()), plain(await shown()));
  });

  it('issues a stored receipt again byte for byte', async () => {
    const store = await scene.store();
    const rows = quarterHours(5);
    const answers = await scene.commit(...rows);
    await scene.commit(...quarterHours(2));
    for (const [i, { receipt }] of answers.entries()) {
      const stored = await store.entries.receipt(rows[i]!.id);
      assert.deepEqual(plain(stored), plain(receipt));
      const claim = await store.entries.claim(rows[i]!.id);
      assert.ok(claim !== undefined && !('leaves' in claim));
      assert.deepEqual(plain({ ...claim, leaves: stored?.leaves }), plain(receipt));
      assert.equal(stored?.entryId, rows[i]!.id);
      assert.equal(stored.index, i);
      assert.equal(stored.leaves.length, rows.length);
      assert.equal(stored.durability, store.durability);
      assert.deepEqual(plain(stored.logHash), plain(rows[i]!.logHash));
    }
  });

  it('knows nothing of ids it never gave', async () => {
    const { entries } = await scene.store();
    for (const id of [`log_${'0'.repeat(32)}`, 'log_', '', 'nonsense', `log_${'z'.repeat(32)}`]) {
      assert.equal(await entries.get(id), undefined);
      assert.equal(await entries.leaf(id), undefined);
      assert.equal(await entries.receipt(id), undefined);
      assert.equal(await entries.claim(id), undefined);
    }
  });

  it('lists every entry once across pages, also while others are written', async () => {
    const store = await scene.store();
    const meterId = `meter-${unique()}`;
    const rows = quarterHours(23, { reading: { meterId } });
    await scene.commit(...rows.slice(0, 10));
    await scene.commit(...rows.slice(10));
    const first = await store.entries.list({ meterId, limit: 7 });
    await scene.commit(...quarterHours(3));
    const rest = await store.entries.list({ meterId, limit: 100, cursor: first.cursor! });
    const ids = [...first.items, ...rest.items].map(({ id }) => id);
    assert.deepEqual([...ids].sort(), rows.map(({ id }) => id).sort());
    assert.equal(rest.cursor, undefined);
    const paged = await allPages(store, { meterId, limit: 1 });
    assert.deepEqual(
      paged.map(({ id }) => id),
      ids,
    );
    assert.equal((await store.entries.list({ meterId, limit: 23 })).items.length, 23);
  });

  it('filters a list by time, type, source and owner', async () => {
    const store = await scene.store();
    const accountId = `account-${unique()}`;
    const rows = quarterHours(4, { accountId });
    const system = sampleEntry({ accountId, source: 'system', type: 'log-key' });
    await scene.commit(...rows, system);
    const list = async (query: Partial<EntryQuery>): Promise<readonly string[]> =>
      (await allPages(store, { accountId, limit: 3, ...query })).map(({ id }) => id).sort();
    const ids = (...some: number[]): readonly string[] => some.map((i) => rows[i]!.id).sort();
    const startsMs = rows[1]!.reading!.startsMs;
    assert.deepEqual(await list({ type: 'log-key' }), [system.id]);
    assert.deepEqual(await list({ source: 'system' }), [system.id]);
    assert.deepEqual(await list({ source: 'external' }), ids(0, 1, 2, 3));
    assert.deepEqual(await list({ fromMs: startsMs }), ids(1, 2, 3));
    assert.deepEqual(await list({ toMs: startsMs }), ids(0));
    assert.deepEqual(await list({ fromMs: startsMs, toMs: startsMs + 2 * QUARTER_MS }), ids(1, 2));
    assert.deepEqual(await list({ accountId: 'somebody-else' }), []);
  });
}

function expected(row: ReturnType<typeof sampleReading>): StoredEntry {
  const { reading, profile: _, merkleLeaf: __, ruleSet: ___, ...kept } = row;
  return reading === undefined
    ? kept
    : { ...kept, meterId: reading.meterId, startsMs: reading.startsMs, endsMs: reading.endsMs };
}
