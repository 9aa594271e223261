import assert from 'node:assert/strict';
import type { SealingDraft, StoredBatch } from '../../batching/batch.store.js';
import type { Store } from '../../stores/store.js';
import { sampleBatch, sealAll } from './sample-batches.js';
import { quarterHours, sampleEntry, sampleReading } from './sample-rows.js';
import { plain, type StoreScene, type Test } from './store-scene.js';

const WRITERS = 4;
const GROUPS_PER_WRITER = 20;
const ROWS_PER_GROUP = 8;
const SEALERS = 8;

/** Every batch of the log, in order. */
async function allBatches(store: Store): Promise<readonly StoredBatch[]> {
  const head = await store.batches.head();
  const batches: StoredBatch[] = [];
  for (let number = 0; number <= (head?.number ?? -1); number += 1) {
    const batch = await store.batches.byNumber(number);
    assert.ok(batch, `batch ${number} is missing below the head`);
    batches.push(batch);
  }
  return batches;
}

export function sealingTests(scene: StoreScene, it: Test): void {
  it('seals every committed entry exactly once under concurrent writers and sealers', async () => {
    const store = await scene.store();
    await sealAll(store);
    const committed: string[] = [];
    const rolledBack: string[] = [];
    let writing = WRITERS;
    const write = async (writer: number): Promise<void> => {
      for (let group = 0; group < GROUPS_PER_WRITER; group += 1) {
        const rows = quarterHours(ROWS_PER_GROUP);
        const ids = rows.map(({ id }) => id);
        if ((group + writer) % 10 === 0) {
          rolledBack.push(...ids);
          await assert.rejects(
            store.ingest.commit(rows, () => {
              throw new Error('rolled back on purpose');
            }),
            /rolled back on purpose/,
          );
        } else {
          await scene.commit(...rows);
          committed.push(...ids);
        }
      }
      writing -= 1;
    };
    const sealer = async (index: number): Promise<void> => {
      let turns = 0;
      while (writing > 0) {
        turns += 1;
        const fails = (turns + index) % 10 === 0;
        const work = store.batches.seal({ maxEntries: 17, requireExternal: false }, (draft) =>
          fails ? Promise.reject(new Error('sealer died')) : sampleBatch(draft),
        );
        await work.catch((error: unknown) => assert.match(String(error), /sealer died/));
        await new Promise((resolve) => {
          setImmediate(resolve);
        });
      }
    };
    await Promise.all([
      ...Array.from({ length: WRITERS }, (_, i) => write(i)),
      ...Array.from({ length: SEALERS }, (_, i) => sealer(i)),
    ]);
    await sealAll(store);

    const batches = await allBatches(store);
    const placed = new Map<string, string>();
    let next = 0n;
    for (const batch of batches) {
      assert.equal(batch.first, next, `positions of batch ${batch.number} are not contiguous`);
      next += BigInt(batch.count);
      const ids = await store.batches.entryIds(batch.number, { fromIndex: 0, limit: 10_000 });
      assert.equal(ids.length, batch.count);
      for (const [index, id] of ids.entries()) {
        assert.ok(!placed.has(id), `${id} is sealed twice`);
        placed.set(id, `${batch.number}/${index}`);
      }
    }
    for (const id of committed) {
      const { batch } = (await store.entries.get(id)) ?? {};
      assert.ok(batch, `${id} was committed and never sealed`);
      assert.equal(placed.get(id), `${batch.number}/${batch.index}`);
      assert.equal(batch.id, batches[batch.number]?.id);
    }
    for (const id of rolledBack) assert.ok(!placed.has(id), `${id} was rolled back and sealed`);
    assert.deepEqual(await store.entries.unsealed(), { external: 0, system: 0 });
  });

  it('hands the sealer the leaves in position order and the head of the log', async () => {
    const store = await scene.store();
    await sealAll(store);
    const before = await store.batches.head();
    const rows = quarterHours(5);
    await scene.commit(...rows);
    const drafts: SealingDraft[] = [];
    const frontiers: (readonly Uint8Array[])[] = [];
    const seal = (): Promise<StoredBatch | undefined> =>
      store.batches.seal({ maxEntries: 3, requireExternal: false }, async (draft) => {
        const sealed = await sampleBatch(draft);
        drafts.push(draft);
        frontiers.push(sealed.logFrontier);
        return sealed;
      });
    const first = await seal();
    const second = await seal();
    assert.equal(await seal(), undefined);
    assert.ok(first && second);
    assert.deepEqual([first.count, second.count], [3, 2]);
    assert.equal(first.number, (before?.number ?? -1) + 1);
    const expectedLeaf = before?.logLeaf ?? new Uint8Array(32);
    assert.deepEqual(plain(drafts[0]?.previousLogLeaf), plain(expectedLeaf));
    assert.deepEqual(plain(drafts[1]?.previousLogLeaf), plain(first.logLeaf));
    assert.deepEqual(plain(drafts[1]?.logFrontier), plain(frontiers[0]));
    const leafOf = new Map(rows.map(({ id, merkleLeaf }) => [id, merkleLeaf]));
    for (const [i, batch] of [first, second].entries()) {
      const ids = await store.batches.entryIds(batch.number, { fromIndex: 0, limit: 10 });
      const leaves = Buffer.concat(ids.map((id) => leafOf.get(id) ?? new Uint8Array()));
      assert.deepEqual(plain(drafts[i]?.leaves), plain(leaves));
    }
  });

  it('gives back batches, tiles and log leaves as they were sealed', async () => {
    const store = await scene.store();
    await sealAll(store);
    await scene.commit(...quarterHours(300));
    let draft: SealingDraft | undefined;
    const sealed = await store.batches.seal(
      { maxEntries: 300, requireExternal: false },
      (given) => {
        draft = given;
        return sampleBatch(given);
      },
    );
    assert.ok(sealed && draft);
    const wanted = await sampleBatch(draft);
    const { tiles: _, logFrontier: __, ...kept } = wanted;
    for (const batch of [
      sealed,
      await store.batches.get(sealed.id),
      await store.batches.byNumber(sealed.number),
      await store.batches.head(),
    ])
      assert.deepEqual(plain({ ...batch, ...kept }), plain(batch));
    for (const tile of wanted.tiles)
      assert.deepEqual(
        plain(await store.batches.tile(sealed.number, tile.level, tile.index)),
        plain(tile.hashes),
      );
    assert.equal(await store.batches.tile(sealed.number, 0, 2), undefined);
    const batches = await allBatches(store);
    const leaves = Buffer.concat(batches.map(({ logLeaf }) => logLeaf));
    assert.deepEqual(plain(await store.batches.logLeaves(0, batches.length)), plain(leaves));
    const tail = await store.batches.logLeaves(batches.length - 1, batches.length);
    assert.deepEqual(plain(tail), plain(sealed.logLeaf));
    const entries = await store.entries.inBatch(sealed.number, { limit: 5, fromIndex: 7 });
    assert.deepEqual(
      entries.map(({ batch }) => batch?.index),
      [7, 8, 9, 10, 11],
    );
    assert.equal(await store.batches.get('batch_unknown'), undefined);
    assert.equal(await store.batches.byNumber(sealed.number + 1), undefined);
  });

  it('lists every batch once across pages', async () => {
    const store = await scene.store();
    await scene.commit(...quarterHours(5));
    await sealAll(store, 1);
    const found: number[] = [];
    let cursor: string | undefined;
    do {
      const page = await store.batches.list({
        limit: 2,
        ...(cursor === undefined ? {} : { cursor }),
      });
      found.push(...page.items.map(({ number }) => number));
      cursor = page.cursor;
    } while (cursor !== undefined && found.length < 10_000);
    const numbers = (await allBatches(store)).map(({ number }) => number);
    assert.deepEqual(
      found.sort((a, b) => a - b),
      numbers,
    );
  });

  it('leaves the queue and the head alone when building a batch fails', async () => {
    const store = await scene.store();
    await scene.commit(...quarterHours(2));
    const waiting = await store.entries.unsealed();
    const head = await store.batches.head();
    await assert.rejects(
      store.batches.seal({ maxEntries: 10, requireExternal: false }, () =>
        Promise.reject(new Error('out of memory')),
      ),
      /out of memory/,
    );
    assert.deepEqual(await store.entries.unsealed(), waiting);
    assert.deepEqual(plain(await store.batches.head()), plain(head));
  });

  it('seals nothing for a flush when only the gateway itself has written', async () => {
    const store = await scene.store();
    await sealAll(store);
    await scene.commit(sampleEntry({ source: 'system' }));
    const flush = { maxEntries: 10, requireExternal: true };
    assert.equal(await store.batches.seal(flush, sampleBatch), undefined);
    assert.equal((await store.entries.unsealed()).system, 1);
    const external = sampleReading();
    await scene.commit(external);
    const batch = await store.batches.seal(flush, sampleBatch);
    assert.deepEqual([batch?.lane, batch?.count, batch?.externalCount], ['all', 2, 1]);
    assert.ok(batch);
    const query = { fromIndex: 0, limit: 10 };
    assert.deepEqual(await store.batches.entryIds(batch.number, { ...query, source: 'external' }), [
      external.id,
    ]);
    assert.equal((await store.batches.entryIds(batch.number, query)).length, 2);
  });

  it('keeps profiles apart, and under kwh-btc-iot what the gateway wrote itself', async () => {
    const store = await scene.store();
    await sealAll(store);
    const profile = 'kwh-btc-iot';
    await scene.commit(
      sampleEntry({ source: 'system', profile }),
      sampleEntry({ source: 'external', profile }),
      sampleEntry({ source: 'external' }),
      sampleEntry({ source: 'external', profile }),
      sampleEntry({ source: 'system' }),
    );
    const flushed = await store.batches.seal({ maxEntries: 1, requireExternal: true }, sampleBatch);
    assert.equal(flushed?.externalCount, 1);
    const sealed = [flushed, ...(await sealAll(store))];
    const totals = new Map<string, number>();
    for (const batch of sealed) {
      const lane = `${batch.profile} ${batch.lane}`;
      totals.set(lane, (totals.get(lane) ?? 0) + batch.count);
      const externals = { external: batch.count, system: 0, all: batch.externalCount }[batch.lane];
      assert.equal(batch.externalCount, externals);
    }
    assert.deepEqual(Object.fromEntries(totals), {
      'kwh-btc-iot system': 1,
      'kwh-btc-iot external': 2,
      'rfc9162 all': 2,
    });
  });

  it('stores one checkpoint per batch and refuses a different one', async () => {
    const store = await scene.store();
    await scene.commit(sampleEntry());
    const [batch] = await sealAll(store);
    assert.ok(batch);
    const { number } = batch;
    assert.equal(batch.checkpoint, undefined);
    assert.ok((await store.batches.unsigned()).some((unsigned) => unsigned.number === number));
    await store.batches.putCheckpoint(number, 'note\n1\n');
    await store.batches.putCheckpoint(number, 'note\n1\n');
    await assert.rejects(store.batches.putCheckpoint(number, 'note\n2\n'), {
      code: 'checkpoint_conflict',
    });
    assert.equal((await store.batches.byNumber(number))?.checkpoint, 'note\n1\n');
    const unsigned = await store.batches.unsigned();
    assert.ok(!unsigned.some((other) => other.number === number));
    const numbers = unsigned.map((other) => other.number);
    assert.deepEqual(
      numbers,
      [...numbers].sort((a, b) => a - b),
    );
  });

  it('keeps one of two checkpoints that are stored at once', async () => {
    const store = await scene.store();
    await scene.commit(sampleEntry());
    const [batch] = await sealAll(store);
    assert.ok(batch);
    const results = await Promise.allSettled(
      [1, 2, 3, 4].map((i) => store.batches.putCheckpoint(batch.number, `note ${i}`)),
    );
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
  });
}
