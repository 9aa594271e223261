import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { setImmediate as yieldTurn } from 'node:timers/promises';
import type { IngestRow } from '../../src/ingestion/ingest.store.js';
import { Batcher } from '../../src/batching/batcher.js';
import { CheckpointSigner } from '../../src/batching/checkpoint-signer.js';
import { MemoryMark } from '../../src/batching/high-water-mark.js';
import { keyFromSeed, namedSigner } from '../../src/batching/log-key.js';
import { nativeHashing } from '../../src/hashing/native-hashing.js';
import { openStore } from '../../src/stores/mikro-orm/index.js';
import type { Store } from '../../src/stores/store.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { startPostgres, type TestPostgres } from '../../src/testing/postgres/start-postgres.js';
import { auditStore } from '../../src/testing/process/audit-store.js';
import { sampleEntry } from '../../src/testing/store-suite/sample-rows.js';
import { StoreScene } from '../../src/testing/store-suite/store-scene.js';
import { parseVkey, verifyCheckpoint } from '../../src/verify/index.js';
import { silent } from './sql-log.js';

const ORIGIN = 'sealing.test/log';
const clock = new FakeClock(1_760_000_000_000);
const key = namedSigner(ORIGIN, keyFromSeed(new Uint8Array(32).fill(1)));

describe('Sealing on PostgreSQL', () => {
  let server: TestPostgres;
  let store: Store;
  beforeAll(async () => {
    server = await startPostgres();
    store = await openStore(await server.createDatabase(), { logger: silent, clock });
  });
  afterAll(async () => {
    await store?.close();
    await server?.remove();
  });

  const scene = () => new StoreScene({ name: 'sealing', open: async () => store });
  const rows = (count: number, choices: Partial<IngestRow> = {}) =>
    Array.from({ length: count }, () => {
      const row = sampleEntry({ receivedAtMs: clock.nowMs(), ...choices });
      // Under kwh-btc-iot the leaf is the hash of the entry.
      return row.profile === 'kwh-btc-iot' ? { ...row, merkleLeaf: row.logHash } : row;
    });

  test('by age and by flush at once, while readings of both profiles come in, puts each into one batch whose root recomputes', async () => {
    const signer = new CheckpointSigner(ORIGIN, key, new MemoryMark());
    const batcher = (maxEntries: number) =>
      new Batcher({
        origin: ORIGIN,
        config: { profile: 'rfc9162', maxEntries, maxAgeMs: 1 },
        batches: store.batches,
        entries: store.entries,
        signer,
        clock: { nowMs: () => clock.nowMs() + 1000 },
        hashing: nativeHashing,
        logger: silent,
        yieldTurn: async () => {
          await yieldTurn();
        },
        onCheckpoint: async () => undefined,
      });
    let writing = true;
    const writers = Array.from({ length: 4 }, async (_, writer) => {
      const plain = { profile: 'kwh-btc-iot', salt: new Uint8Array(0) } as const;
      for (let round = 0; round < 5; round += 1) {
        // The profile changes while entries of the other still wait, and the gateway writes entries of its own.
        const choices = (round + writer) % 2 === 0 ? {} : plain;
        const own = { ...choices, source: 'system' } as const;
        await scene().commit(...rows(20, choices), ...rows(1, own));
      }
    });
    const ticking = (async () => {
      while (writing) await batcher(257).tick();
    })();
    const flushing = (async () => {
      while (writing) await batcher(64).flush();
    })();
    await Promise.all(writers);
    writing = false;
    await Promise.all([ticking, flushing]);
    while ((await batcher(64).tick()) > 0);

    const audit = await auditStore(store);
    expect(audit).toMatchObject({ entries: 420, unsealed: 0, problems: [] });
    const known = [parseVkey(key.vkey)];
    for (let number = 0; number < audit.batches; number += 1) {
      const batch = await store.batches.byNumber(number);
      expect(verifyCheckpoint(batch?.checkpoint ?? '', known)).toMatchObject({
        size: number + 1,
        root: batch?.logRoot,
      });
      if (batch?.profile === 'kwh-btc-iot') expect([0, batch.count]).toContain(batch.externalCount);
    }
  });

  test('never meets a leaf of another length: such a row is refused and its neighbours are kept', async () => {
    const bad = [
      { merkleLeaf: randomBytes(31) },
      { merkleLeaf: new Uint8Array(0) },
      { logHash: randomBytes(33) },
    ];
    const answers = await scene().commit(
      ...rows(1),
      ...bad.map((change) => sampleEntry(change)),
      ...rows(1),
    );
    expect(answers.map(({ outcome }) => outcome.kind)).toEqual([
      'stored',
      'refused',
      'refused',
      'refused',
      'stored',
    ]);
    expect(answers[1]?.outcome).toMatchObject({
      code: 'not_storable',
      detail: 'merkleLeaf has 31 bytes instead of 32',
    });
  });
});
