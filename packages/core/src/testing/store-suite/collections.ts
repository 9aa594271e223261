import assert from 'node:assert/strict';
import type {
  CollectionDeclaration,
  Collections,
  JsonObject,
  RangeQuery,
  StoredDocument,
} from '../../spi/index.js';
import { unique } from './sample-rows.js';
import type { StoreScene, Test } from './store-scene.js';

const ORDERS: CollectionDeclaration = {
  name: 'orders',
  version: 1,
  indexes: ['price', 'state', 'mixed'],
};

/** Every document of a query, two at a time. */
async function pages(
  documents: Collections,
  query: Omit<RangeQuery, 'limit' | 'cursor'>,
): Promise<readonly StoredDocument[]> {
  const found: StoredDocument[] = [];
  let cursor: string | undefined;
  do {
    const page = await documents.range('orders', {
      ...query,
      limit: 2,
      ...(cursor === undefined ? {} : { cursor }),
    });
    assert.ok(page.items.length <= 2);
    found.push(...page.items);
    cursor = page.cursor;
  } while (cursor !== undefined && found.length < 1_000);
  return found;
}

export function collectionTests(scene: StoreScene, it: Test): void {
  const open = async (
    instance = `plugin-${unique()}`,
    declaration: CollectionDeclaration = ORDERS,
  ): Promise<Collections> =>
    (await scene.store()).collections(instance, [declaration, { name: 'other', version: 1 }]);

  it('counts versions and refuses a write that expects another one', async () => {
    const documents = await open();
    assert.equal(await documents.get('orders', 'a'), undefined);
    assert.equal(await documents.put('orders', 'a', { n: 1 }), 1);
    assert.equal(await documents.put('orders', 'a', { n: 2 }), 2);
    assert.equal(await documents.put('orders', 'a', { n: 3 }, 2), 3);
    await assert.rejects(documents.put('orders', 'a', { n: 4 }, 2), {
      name: 'CollectionConflict',
      code: 'collection_conflict',
      expectedVersion: 2,
      actualVersion: 3,
    });
    await assert.rejects(documents.put('orders', 'a', {}, 0), { actualVersion: 3 });
    await assert.rejects(documents.put('orders', 'b', {}, 1), { actualVersion: 0 });
    await assert.rejects(documents.delete('orders', 'a', 1), { code: 'collection_conflict' });
    assert.deepEqual(await documents.get('orders', 'a'), { key: 'a', value: { n: 3 }, version: 3 });
    assert.equal(await documents.delete('orders', 'a', 3), true);
    assert.equal(await documents.delete('orders', 'a'), false);
    assert.equal(await documents.put('orders', 'a', { n: 5 }, 0), 1);
  });

  it('lets one of many writers that expect the same version win', async () => {
    const documents = await open();
    await documents.put('orders', 'a', { n: 0 });
    const writes = await Promise.allSettled(
      Array.from({ length: 8 }, (_, n) => documents.put('orders', 'a', { n }, 1)),
    );
    assert.equal(writes.filter(({ status }) => status === 'fulfilled').length, 1);
    const creations = await Promise.allSettled(
      Array.from({ length: 8 }, (_, n) => documents.put('orders', 'new', { n }, 0)),
    );
    assert.equal(creations.filter(({ status }) => status === 'fulfilled').length, 1);
    await Promise.all(Array.from({ length: 8 }, (_, n) => documents.put('orders', 'free', { n })));
    assert.equal((await documents.get('orders', 'free'))?.version, 8);
  });

  it('keeps any JSON without loss and lends nobody a reference into the store', async () => {
    const documents = await open();
    const value = {
      text: 'ä\u0000\u{1F600}',
      big: 2 ** 53 - 1,
      half: 0.1,
      list: [null, true, { b: 1, a: 2 }],
    };
    await documents.put('orders', 'key with ä/%', value);
    const read = await documents.get('orders', 'key with ä/%');
    assert.equal(JSON.stringify(read?.value), JSON.stringify(value), 'order of members included');
    (value.list as unknown[]).push('changed outside');
    assert.deepEqual((await documents.get('orders', 'key with ä/%'))?.value, read?.value);
  });

  it('writes a batch as a whole or not at all', async () => {
    const documents = await open();
    await documents.put('orders', 'a', { n: 1 });
    await documents.put('orders', 'gone', { n: 1 });
    await documents.batch([
      { op: 'put', collection: 'orders', key: 'a', value: { n: 2 }, expectedVersion: 1 },
      { op: 'put', collection: 'other', key: 'b', value: { n: 1 } },
      { op: 'delete', collection: 'orders', key: 'gone' },
    ]);
    assert.equal((await documents.get('orders', 'a'))?.version, 2);
    assert.ok(await documents.get('other', 'b'));
    assert.equal(await documents.get('orders', 'gone'), undefined);
    await assert.rejects(
      documents.batch([
        { op: 'put', collection: 'other', key: 'c', value: {} },
        { op: 'delete', collection: 'other', key: 'b' },
        { op: 'put', collection: 'orders', key: 'a', value: { n: 9 }, expectedVersion: 1 },
      ]),
      { code: 'collection_conflict' },
    );
    assert.equal(await documents.get('other', 'c'), undefined);
    assert.ok(await documents.get('other', 'b'));
    assert.deepEqual((await documents.get('orders', 'a'))?.value, { n: 2 });
  });

  it('reads ranges by key and by index, in both directions, page by page', async () => {
    const documents = await open();
    const values: Record<string, JsonObject> = {
      a: { price: 30, state: 'open', mixed: 'Z' },
      b: { price: 4, state: 'open', mixed: 2 },
      B: { price: 30, state: 'done', mixed: 'a' },
      ä: { price: -5, state: 'open' },
      '\u{1F600}': { price: 100, mixed: 10 },
      '\uFF5E': { state: null },
    };
    for (const [key, value] of Object.entries(values)) await documents.put('orders', key, value);
    const keys = async (query: Omit<RangeQuery, 'limit'>): Promise<readonly string[]> =>
      (await pages(documents, query)).map(({ key }) => key);
    // Code point order, as UTF-8 and COLLATE "C" sort.
    const byKey = ['B', 'a', 'b', 'ä', '\uFF5E', '\u{1F600}'];
    assert.deepEqual(await keys({}), byKey);
    assert.deepEqual(await keys({ by: 'key', reverse: true }), byKey.toReversed());
    assert.deepEqual(await keys({ from: 'a', to: 'b' }), ['a', 'b']);
    const byPrice = ['ä', 'b', 'B', 'a', '\u{1F600}'];
    assert.deepEqual(await keys({ by: 'price' }), byPrice);
    assert.deepEqual(await keys({ by: 'price', reverse: true }), byPrice.toReversed());
    assert.deepEqual(await keys({ by: 'price', from: 4, to: 30 }), ['b', 'B', 'a']);
    assert.deepEqual(await keys({ by: 'price', from: 4, to: 30, reverse: true }), ['a', 'B', 'b']);
    assert.deepEqual(await keys({ by: 'state', from: 'open', to: 'open' }), ['a', 'b', 'ä']);
    assert.deepEqual(await keys({ by: 'mixed' }), ['b', '\u{1F600}', 'a', 'B'], 'integers first');
  });

  it('keeps indexes true when documents change, move and go', async () => {
    const documents = await open();
    await documents.put('orders', 'a', { price: 1 });
    await documents.put('orders', 'b', { price: 2 });
    await documents.put('orders', 'a', { price: 3 });
    const prices = async (): Promise<readonly string[]> =>
      (await pages(documents, { by: 'price' })).map(({ key }) => key);
    assert.deepEqual(await prices(), ['b', 'a']);
    await documents.put('orders', 'b', {});
    assert.deepEqual(await prices(), ['a']);
    await documents.batch([{ op: 'delete', collection: 'orders', key: 'a' }]);
    assert.deepEqual(await prices(), []);
  });

  it('keeps the documents of instances and collections apart', async () => {
    const [mine, yours] = [await open(), await open()];
    await mine.put('orders', 'a', { mine: true });
    assert.equal(await yours.get('orders', 'a'), undefined);
    assert.equal(await mine.get('other', 'a'), undefined);
    assert.equal(await yours.delete('orders', 'a'), false);
    assert.deepEqual((await yours.range('orders', { limit: 10 })).items, []);
  });

  it('lends the same documents to two replicas of one instance', async () => {
    const instance = `plugin-${unique()}`;
    const [first, second] = [await open(instance), await open(instance)];
    await first.put('orders', 'a', { n: 1 });
    assert.equal(await second.put('orders', 'a', { n: 2 }, 1), 2);
    assert.equal((await first.get('orders', 'a'))?.version, 2);
  });

  it('migrates every document once when the version of a collection rises', async () => {
    const instance = `plugin-${unique()}`;
    const before = await open(instance);
    for (const n of [1, 2, 3]) await before.put('orders', `k${n}`, { n });
    const calls: number[] = [];
    const raised: CollectionDeclaration = {
      name: 'orders',
      version: 3,
      indexes: ['weight'],
      migrate: (document, fromVersion) => {
        calls.push(fromVersion);
        return { weight: 10 - Number(document['n']) };
      },
    };
    const after = await open(instance, raised);
    await open(instance, raised);
    assert.deepEqual(calls, [1, 1, 1]);
    const page = await after.range('orders', { by: 'weight', limit: 10 });
    assert.deepEqual(
      page.items.map(({ key, value }) => [key, value]),
      [
        ['k3', { weight: 7 }],
        ['k2', { weight: 8 }],
        ['k1', { weight: 9 }],
      ],
    );
    await assert.rejects(open(instance), { code: 'collection_newer' });
  });

  it('leaves every document alone when a migration fails', async () => {
    const instance = `plugin-${unique()}`;
    const before = await open(instance);
    for (const n of [1, 2]) await before.put('orders', `k${n}`, { n });
    const broken: CollectionDeclaration = {
      ...ORDERS,
      version: 2,
      migrate: (document) => {
        if (document['n'] === 2) throw new Error('cannot migrate');
        return { migrated: true };
      },
    };
    await assert.rejects(open(instance, broken), /cannot migrate/);
    const again = await open(instance);
    assert.deepEqual((await again.get('orders', 'k1'))?.value, { n: 1 });
  });

  it('refuses what was not declared and what an index cannot hold', async () => {
    const documents = await open();
    await assert.rejects(documents.get('secret', 'a'), { code: 'collection_undeclared' });
    await assert.rejects(documents.put('secret', 'a', {}), { code: 'collection_undeclared' });
    await assert.rejects(documents.range('orders', { by: 'owner', limit: 1 }), {
      code: 'index_undeclared',
    });
    for (const price of [1.5, true, 2 ** 53, ['a'], 'a\u0000b'])
      await assert.rejects(documents.put('orders', 'a', { price }), {
        code: 'index_value_invalid',
      });
    await assert.rejects(documents.put('orders', '', {}), { code: 'key_invalid' });
    await assert.rejects(documents.put('orders', 'a\u0000', {}), { code: 'key_invalid' });
    await assert.rejects(documents.range('orders', { limit: 0 }), { code: 'limit_invalid' });
    await assert.rejects(documents.range('orders', { limit: 1, cursor: '%' }), {
      code: 'cursor_invalid',
    });
    assert.equal(await documents.get('orders', 'a'), undefined);
  });
}
