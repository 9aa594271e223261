import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import localLedger from '../../src/anchoring/local-ledger/index.js';
import { keyFromSeed, pemOf } from '../../src/batching/log-key.js';
import { composeGateway } from '../../src/gateway/compose-gateway.js';
import { adoptStore, examineLog } from '../../src/gateway/examine-log.js';
import type { Gateway } from '../../src/gateway/gateway.js';
import { gatewayConfigSchema } from '../../src/plugins/index.js';
import { openMemoryStore } from '../../src/stores/memory/open-memory-store.js';
import type { Store } from '../../src/stores/store.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { sampleEntry } from '../../src/testing/store-suite/sample-rows.js';
import { StoreScene } from '../../src/testing/store-suite/store-scene.js';

const clock = new FakeClock(1_760_000_000_000);
const signal = new AbortController().signal;
let stateFolder: string;

beforeEach(async () => {
  stateFolder = await mkdtemp(join(tmpdir(), 'wattproof-examine-'));
});
afterEach(() => rm(stateFolder, { recursive: true, force: true }));

/** A store whose log is meant to outlive the process, so that the key's mark is kept. */
const lastingStore = (): Store =>
  Object.create(openMemoryStore({ clock }), { durability: { value: 'process' } }) as Store;

const gatewayOver = (store: Store): Promise<Gateway> =>
  composeGateway({
    config: gatewayConfigSchema.parse({
      origin: 'examine.test/log',
      log: { key: pemOf(keyFromSeed(new Uint8Array(32).fill(1))) },
    }),
    plugins: [
      {
        entry: { instanceId: 'local', kind: 'anchor', use: 'local', config: {}, path: 'local' },
        plugin: localLedger,
        config: {},
        url: import.meta.url,
        package: undefined,
      },
    ],
    store,
    clock,
    stateFolder,
  });

async function seal(gateway: Gateway, batches: number) {
  for (let i = 0; i < batches; i += 1) {
    const scene = new StoreScene({ name: 'examined', open: async () => gateway.store });
    await scene.commit(sampleEntry({ receivedAtMs: clock.nowMs() }));
    await gateway.batcher.flush();
  }
}

describe('An examined log', () => {
  it('is consistent from its first start on', async () => {
    const gateway = await gatewayOver(lastingStore());
    expect(await examineLog(gateway, signal)).toMatchObject({ storeSize: 0, mark: { size: 0 } });
    await gateway.start();
    await seal(gateway, 2);
    const found = await examineLog(gateway, signal);
    expect(found).toMatchObject({ storeSize: 2, waiting: 0, mark: { size: 2 } });
    expect(found.refusal).toBeUndefined();
  });

  it('whose mark is lost seals again only after the store was adopted, and then goes on behind it', async () => {
    const store = lastingStore();
    const first = await gatewayOver(store);
    await seal(first, 3);
    const mark = await examineLog(first, signal);
    await rm(first.logKeys.markFile);

    const second = await gatewayOver(store);
    await second.start();
    await expect(seal(second, 1)).rejects.toMatchObject({ code: 'log_mark_missing' });
    const found = await examineLog(second, signal);
    expect(found).toMatchObject({ storeSize: 3, refusal: { code: 'log_mark_missing' } });
    await expect(adoptStore(second, { ...found, unreachable: ['bitcoin'] })).rejects.toMatchObject({
      code: 'log_mark_missing',
    });
    const newer = { anchor: 'bitcoin', size: 4n, digest: new Uint8Array(32) };
    await expect(adoptStore(second, { ...found, ledger: newer })).rejects.toMatchObject({
      code: 'log_rolled_back',
    });
    expect(await adoptStore(second, found)).toEqual(mark.mark);

    const third = await gatewayOver(store);
    await third.start();
    expect(await third.batcher.flush()).toMatchObject({ number: 3 });
    expect(await examineLog(third, signal)).toMatchObject({ storeSize: 4, mark: { size: 4 } });
  });

  it('is not adopted when the store is older than the mark', async () => {
    const first = await gatewayOver(lastingStore());
    await seal(first, 2);
    const restored = await gatewayOver(lastingStore());
    const found = await examineLog(restored, signal);
    expect(found).toMatchObject({ storeSize: 0, refusal: { code: 'log_rolled_back' } });
    await expect(adoptStore(restored, found)).rejects.toMatchObject({ code: 'log_rolled_back' });
  });
});
