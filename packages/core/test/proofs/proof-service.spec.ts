import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CoveringEvidence } from '../../src/anchoring/anchor.store.js';
import { Batcher } from '../../src/batching/batcher.js';
import { CheckpointSigner } from '../../src/batching/checkpoint-signer.js';
import { MemoryMark } from '../../src/batching/high-water-mark.js';
import { openLogKeys } from '../../src/batching/log-keys.js';
import { nativeHashing } from '../../src/hashing/native-hashing.js';
import { ReceiptIssuer } from '../../src/ingestion/receipt-issuer.js';
import { ProofService } from '../../src/proofs/proof.service.js';
import { openMemoryStore } from '../../src/stores/memory/open-memory-store.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { sampleEvidence } from '../../src/testing/store-suite/sample-intents.js';
import { sampleEntry } from '../../src/testing/store-suite/sample-rows.js';
import type { AnchorInstance } from '../../src/anchoring/anchor-instance.js';
import type { Anchor, ExportedProof, ProofToExport } from '../../src/spi/index.js';
import { readBundle } from '../../src/verify/bundle.js';
import { fromHex } from '../../src/verify/bytes.js';
import { commitmentDigest } from '../../src/verify/commitment.js';
import type { BatchProfile } from '../../src/verify/contracts.js';
import { verifyConsistency } from '../../src/verify/consistency.js';
import { pathOfPositioned, verifyInclusion } from '../../src/verify/inclusion.js';
import { readReceipt, verifyReceipt } from '../../src/verify/receipt.js';
import { verifyProof } from '../../src/verify/verify-proof.js';

const ORIGIN = 'proofs.test/log';
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wattproof-proofs-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const exporter = (exports: string[], exportProof: Anchor['exportProof']) =>
  ({ anchor: { exportProof }, capabilities: { exports } }) as unknown as AnchorInstance;
const asked: ProofToExport[] = [];
const written = (proof: ProofToExport): ExportedProof | undefined => {
  asked.push(proof);
  return proof.format === 'ots'
    ? { mediaType: 'a/b', extension: 'ots', bytes: proof.digest }
    : undefined;
};

async function world(profile: BatchProfile = 'rfc9162') {
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
    config: { profile, maxEntries: 1000, maxAgeMs: 1000 },
    batches: store.batches,
    entries: store.entries,
    signer: new CheckpointSigner(ORIGIN, keys.checkpoint, new MemoryMark()),
    clock,
    hashing: nativeHashing,
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    yieldTurn: async () => undefined,
    onCheckpoint: async () => undefined,
  });
  const issuer = new ReceiptIssuer({
    origin: ORIGIN,
    signer: keys.receipts,
    clock,
    hashing: nativeHashing,
    durability: 'memory',
    includeWithinMs: 1000,
  });
  /** What the anchors have to show, as long as it stands. */
  const shown = new Map<string, CoveringEvidence>();
  const proofs = new ProofService({
    entries: store.entries,
    batches: store.batches,
    anchors: { evidence: async (anchor) => shown.get(anchor) },
    anchorIds: ['silent', 'ledger'],
    exporters: new Map([
      ['silent', exporter([], async () => undefined)],
      ['ledger', exporter(['ots', 'other'], async (asked) => written(asked))],
    ]),
    logKey: keys.checkpoint.vkey,
    announcements: keys.announcements,
    origin: ORIGIN,
    hashing: nativeHashing,
  });
  const put = async (count: number) => {
    const rows = Array.from({ length: count }, () => sampleEntry({ receivedAtMs: clock.nowMs() }));
    await store.ingest.commit(rows, issuer.issue);
    return rows.map((row) => row.id);
  };
  return { store, keys, batcher, proofs, put, issuer, shown };
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

  it('gives the receipt in a bundle as its holder got it', async () => {
    const { proofs, put, batcher, store, issuer } = await world();
    const ids = await put(5);
    await batcher.flush();
    for (const id of ids) {
      const { receipt } = JSON.parse(Buffer.from(await proofs.bundle(id)).toString());
      const stored = await store.entries.receipt(id);
      expect(receipt).toEqual(issuer.receiptJson(stored!));
      expect(verifyReceipt(readReceipt(receipt))).toBeUndefined();
    }
  });

  it('shows the evidence that stands at the moment, with the place it speaks of', async () => {
    const { proofs, put, batcher, shown } = await world();
    const [id] = await put(1);
    await batcher.flush();
    await put(1);
    await batcher.flush();
    const evidence = async () =>
      readBundle(await proofs.bundle(id!)).evidence.map(({ log, evidence: { body } }) => ({
        size: log.size,
        steps: log.path.length,
        body,
      }));
    expect(await evidence()).toEqual([]);
    const sample = sampleEvidence();
    shown.set('ledger', { size: 2n, evidence: sample });
    expect(await evidence()).toEqual([{ size: 2, steps: 1, body: sample.body }]);
    const taken = sampleEvidence();
    shown.set('ledger', { size: 1n, evidence: taken });
    expect(await evidence()).toEqual([{ size: 1, steps: 0, body: taken.body }]);
    shown.delete('ledger');
    expect(await evidence()).toEqual([]);
  });

  it.each(['rfc9162', 'kwh-btc-iot'] as const)(
    'gives an anchor every hash between an entry and its commitment to write down, under %s',
    async (profile) => {
      const { proofs, put, batcher, shown, store } = await world(profile);
      const ids = await put(5);
      await batcher.flush();
      await put(3);
      await batcher.flush();
      await expect(proofs.exported(ids[4]!, 'ledger', 'ots')).rejects.toMatchObject({
        code: 'not_anchored',
      });
      shown.set('ledger', { size: 2n, evidence: sampleEvidence() });
      const { logRoot } = (await store.batches.byNumber(1))!;
      for (const id of ids) {
        const { bytes } = await proofs.exported(id, 'ledger', 'ots');
        const preimage = createHash('sha256').update(await proofs.preimage(id));
        expect(Buffer.from(bytes)).toEqual(preimage.digest());
        const { digest, steps, commitment } = asked.at(-1)!;
        const reached = steps.reduce(
          (message, { prefix, suffix }) =>
            createHash('sha256').update(prefix).update(message).update(suffix).digest(),
          Buffer.from(digest),
        );
        expect(reached).toEqual(Buffer.from(commitmentDigest(ORIGIN, 2, logRoot)));
        expect(Buffer.from(commitment.digest)).toEqual(reached);
      }
    },
  );

  it('says which anchor cannot write a format', async () => {
    const { proofs, put, batcher, shown } = await world();
    const [id] = await put(1);
    await batcher.flush();
    shown.set('ledger', { size: 1n, evidence: sampleEvidence() });
    expect(proofs.exportFormats).toEqual(['ots', 'beef', 'other']);
    for (const [anchor, format, code] of [
      ['nobody', 'ots', 'unknown_anchor'],
      ['silent', 'ots', 'not_exportable'],
      ['ledger', 'beef', 'not_exportable'],
      // Declared, but not of this evidence.
      ['ledger', 'other', 'not_exportable'],
    ] as const)
      await expect(proofs.exported(id!, anchor, format)).rejects.toMatchObject({ code });
    await expect(proofs.exported(id!, 'ledger', 'other')).rejects.toThrow(/of type \S+\/1 cannot/);
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
