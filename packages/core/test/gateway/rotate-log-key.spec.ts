import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { composeGateway } from '../../src/gateway/compose-gateway.js';
import type { Gateway } from '../../src/gateway/gateway.js';
import { rotateLogKey } from '../../src/gateway/rotate-log-key.js';
import { gatewayConfigSchema } from '../../src/plugins/index.js';
import { openMemoryStore } from '../../src/stores/memory/open-memory-store.js';
import type { Store } from '../../src/stores/store.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { TestDevice } from '../ingestion/test-devices.js';
import { verifyProof } from '../../src/verify/verify-proof.js';

const clock = new FakeClock(1_760_000_000_000);
const device = new TestDevice('rotated');
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wattproof-rotate-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const configOf = (keyFile: string, previous: readonly string[] = []) =>
  gatewayConfigSchema.parse({
    origin: 'rotate.test/log',
    log: { key: { file: join(folder, keyFile) }, previous },
    devices: { unsigned: 'accept' },
  });

const openGateway = (store: Store, config: ReturnType<typeof configOf>): Promise<Gateway> =>
  composeGateway({ config, plugins: [], store, clock });

const parts = (newFile: string) => ({
  newFile: join(folder, newFile),
  nowMs: () => clock.nowMs(),
  random: (length: number) => randomBytes(length),
});

/** A store whose log is meant to outlive the process, so that the key's mark is kept. */
const lastingStore = (): Store =>
  Object.create(openMemoryStore({ clock }), { durability: { value: 'process' } }) as Store;

async function sealOne(gateway: Gateway): Promise<string> {
  await clock.advance(900_000);
  const answer = await gateway.ingestion.acceptLog(JSON.stringify(device.emlog(clock.nowMs())));
  if (answer.kind !== 'item' || answer.item.id === null) throw new Error(JSON.stringify(answer));
  await gateway.batcher.flush();
  return answer.item.id;
}

describe('A changed log key', () => {
  it('goes on where the key before stopped, and what either signed is proven by the key before', async () => {
    const store = openMemoryStore({ clock });
    const first = await openGateway(store, configOf('first.key'));
    await first.start();
    const old = await sealOne(first);
    const pinned = [first.logKeys.checkpoint.vkey];

    const { vkey, previous } = await rotateLogKey(configOf('first.key'), parts('second.key'));
    expect((await stat(join(folder, 'second.key'))).mode & 0o777).toBe(0o600);

    const second = await openGateway(store, configOf('second.key', previous));
    expect(second.logKeys.checkpoint.vkey).toBe(vkey);
    await second.start();
    const young = await sealOne(second);
    for (const id of [old, young]) {
      const report = await verifyProof(await second.proofs.bundle(id), { keys: pinned });
      expect(report).toMatchObject({ ok: true, failures: [], selfAsserted: false });
    }
  });

  it('never replaces a key that is there, and begins with the mark of the key before', async () => {
    const store = lastingStore();
    const gateway = await openGateway(store, configOf('first.key'));
    await gateway.start();
    await sealOne(gateway);
    await rotateLogKey(configOf('first.key'), parts('second.key'));
    await expect(rotateLogKey(configOf('first.key'), parts('second.key'))).rejects.toMatchObject({
      code: 'log_key_invalid',
    });
    const { previous, size } = await rotateLogKey(configOf('first.key'), parts('third.key'));
    expect(size).toBe(1);
    const restored = await openGateway(lastingStore(), configOf('third.key', previous));
    await expect(sealOne(restored)).rejects.toMatchObject({ code: 'log_rolled_back' });
  });
});
