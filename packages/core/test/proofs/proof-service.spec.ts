import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Batcher } from '../../src/batching/batcher.js';
import { CheckpointSigner } from '../../src/batching/checkpoint-signer.js';
import { MemoryMark } from '../../src/batching/high-water-mark.js';
import { openLogKeys } from '../../src/batching/log-keys.js';
import { nativeHashing } from '../../src/hashing/native-hashing.js';
import { ProofService } from '../../src/proofs/proof.service.js';
import { openMemoryStore } from '../../src/stores/memory/open-memory-store.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { sampleEntry } from '../../src/testing/store-suite/sample-rows.js';
import { StoreScene } from '../../src/testing/store-suite/store-scene.js';
import { fromHex } from '../../src/verify/bytes.js';
import { verifyConsistency } from '../../src/verify/consistency.js';
import { pathOfPositioned, verifyInclusion } from '../../src/verify/inclusion.js';
import { verifyProof } from '../../src/verify/verify-proof.js';

const ORIGIN = 'proofs.test/log';
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wattproof-proofs-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function world() {
  const clock = new FakeClock(1_760_000_000_000);
  const store = openMemoryStore({ clock });
  const keys = await openLogKeys({
    origin: ORIGIN,
    key: { file: join(folder, 'log.key') },
    previous: [],
    random: (length) => randomBytes(length),
    nowMs: () => clock.nowMs(),
    stateFolder: folder,
  });
  const batcher = new Batcher({
    origin: ORIGIN,
    config: { profile: 'rfc9162', maxEntries: 1000, maxAgeMs: 1000 },
    batches: store.batches,
    entries: store.entries,
    signer: new CheckpointSigner(ORIGIN, keys.checkpoint, new MemoryMark()),
    clock,
    hashing: nativeHashing,
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    yieldTurn: async () => undefined,
    onCheckpoint: async () => undefined,
  });
  const entries = {
    get: (id: string) => store.entries.get(id),
    leaf: (id: string) => store.entries.leaf(id),
    receipt: async () => undefined,
    list: store.entries.list.bind(store.entries),
    inBatch: store.entries.inBatch.bind(store.entries),
    unsealed: store.entries.unsealed.bind(store.entries),
  };
  const proofs = new ProofService({
    entries,
    batches: store.batches,
    anchors: store.anchors,
    anchorIds: [],
    logKey: keys.checkpoint.vkey,
    announcements: keys.announcements,
    receiptJson: () => ({}),
    hashing: nativeHashing,
  });
  const put = async (count: number) => {
    const rows = Array.from({ length: count }, () => sampleEntry({ receivedAtMs: clock.nowMs() }));
    await new StoreScene({ name: 'proofs', open: async () => store }).commit(...rows);
    return rows.map((row) => row.id);
  };
  return { store, keys, batcher, proofs, put };
}

describe('the proof service', () => {
  it('proves every entry of a batch of 300, from tiles', async () => {
    const { proofs, put, batcher, keys } = await world();
    const ids = await put(300);
    await batcher.flush();
    const options = {
      keys: [keys.checkpoint.vkey],
      formats: { names: [], canonicalize: () => new Uint8Array() },
    };
    for (const id of [ids[0]!, ids[150]!, ids[256]!, ids[299]!]) {
      const report = await verifyProof(await proofs.bundle(id), options);
      expect(report.failures).toEqual([]);
      expect(report).toMatchObject({ ok: true, level: 'operator', selfAsserted: false });
    }
  });

  it('writes proofs in the form of kwh-btc-iot', async () => {
    const { proofs, put, batcher } = await world();
    const [id] = await put(5);
    await batcher.flush();
    const proof: any = await proofs.seedProof(id!);
    const steps = proof.proof.map((step: any) => ({
      position: step.position,
      hash: fromHex(step.hash),
    }));
    const { profile, index, tree_size: size } = proof;
    expect(proof).toMatchObject({ log_id: id, tree_size: 5, profile: 'rfc9162' });
    expect(
      verifyInclusion({
        profile,
        index,
        size,
        leaf: fromHex(proof.merkle_leaf),
        path: pathOfPositioned(profile, index, size, steps)!,
        root: fromHex(proof.merkle_root),
      }),
    ).toBe(true);
    const preimage = await proofs.preimage(id!);
    expect(createHash('sha256').update(preimage).digest('hex')).toBe(proof.leaf_hash);
  });

  it('says in the known words why there is no proof', async () => {
    const { proofs, put } = await world();
    const [id] = await put(1);
    await expect(proofs.seedProof('log_none')).rejects.toMatchObject({
      code: 'log_not_found',
      message: 'Log not found',
    });
    await expect(proofs.seedProof(id!)).rejects.toMatchObject({
      code: 'log_not_batched',
      message: 'Log has not been assigned to a batch yet',
    });
    expect(await proofs.checkpoint('latest')).toBeUndefined();
  });

  it('proves that the log only grew', async () => {
    const { proofs, put, batcher, store } = await world();
    for (let i = 0; i < 6; i += 1) {
      await put(2);
      await batcher.flush();
    }
    const rootOf = async (size: number) => (await store.batches.byNumber(size - 1))!.logRoot;
    for (const [from, to] of [
      [1, 6],
      [4, 5],
      [6, 6],
    ] as const) {
      const path = (await proofs.consistency(from, to)).map(fromHex);
      const claim = { from, to, fromRoot: await rootOf(from), toRoot: await rootOf(to), path };
      expect(verifyConsistency(claim)).toBe(true);
    }
    await expect(proofs.consistency(1, 7)).rejects.toMatchObject({ code: 'checkpoint_not_found' });
    await expect(proofs.consistency(0, 3)).rejects.toMatchObject({ code: 'size_invalid' });
    expect(await proofs.checkpoint('latest')).toBe(await proofs.checkpoint(6));
  });
});
