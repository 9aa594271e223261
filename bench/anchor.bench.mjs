/**
 * What the anchoring engine itself costs, without a ledger: anchors that answer at once out of memory, over every kind of store.
 * A checkpoint takes a step per pass: signed and sent; seen; included with evidence; final with evidence. An idle pass looks at an
 * anchor that has nothing open, a waiting one at one checkpoint in the mempool of which there is nothing to say.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AnchoringEngine, anchorPolicySchema } from '@wattproof/core/anchoring';
import { openStore } from '@wattproof/core/mikro-orm';
import { silentLogger, startPostgres } from '@wattproof/core/testing';
import { commitmentDigest } from '@wattproof/core/verify';
import { medianMs, quantile, round } from './measure.mjs';

const quick = process.argv.includes('--quick');
const ORIGIN = 'bench.wattproof.local/log';
const CHECKPOINTS = quick ? 20 : 100;
const ROUNDS = quick ? 3 : 7;
const LOOKS = quick ? 50 : 300;
const STEPS = 4;
/** Of a Bitcoin transaction with one input, an OP_RETURN and change. */
const SIGNED_BYTES = 222;
const CAPABILITIES = {
  exclusion: 'ledger',
  cost: 'paid',
  finality: 'probabilistic',
  reorgs: true,
  bump: ['replace'],
  evidence: ['bench/1'],
  trust: 'spv-pow',
};

export const name = 'the anchoring engine without a ledger';

export async function run() {
  const folder = await mkdtemp(join(tmpdir(), 'wattproof-bench-'));
  const postgres = await startPostgres({ fsync: true });
  try {
    const stores = {
      memory: 'memory://',
      embedded: `embedded://${join(folder, 'db')}`,
      'PostgreSQL, fsync': await postgres.createDatabase(),
    };
    const rows = [];
    for (const [store, url] of Object.entries(stores))
      for (const anchors of store === 'embedded' ? [1] : [1, 4])
        rows.push({ store, anchors, ...(await overStore(url, anchors)) });
    return rows;
  } finally {
    await postgres.remove();
    await rm(folder, { recursive: true, force: true });
  }
}

async function overStore(url, count) {
  const clock = { ms: 1_700_000_000_000, nowMs: () => clock.ms };
  const store = await openStore(url, { clock, logger: silentLogger });
  try {
    const perSecond = [];
    let world;
    for (let made = 0; made < ROUNDS; made += 1) {
      world = worldOf(store, clock, count, `round-${made}`);
      const startedAt = performance.now();
      for (let size = 1; size <= CHECKPOINTS; size += 1) await world.enqueue(size);
      const enqueuedAt = performance.now();
      for (let step = 0; step < STEPS; step += 1) {
        await world.driveAll();
        world.block();
      }
      const finals = await world.finals();
      if (finals !== CHECKPOINTS * count) throw new Error(`only ${finals} checkpoints are final`);
      const seconds = (performance.now() - enqueuedAt) / 1000;
      perSecond.push({ seconds, enqueue: (enqueuedAt - startedAt) / 1000 });
    }
    const seconds = quantile(
      perSecond.map((one) => one.seconds),
      0.5,
    );
    const enqueue = quantile(
      perSecond.map((one) => one.enqueue),
      0.5,
    );
    const idle = await medianMs(() => world.look(LOOKS), 3);
    await world.enqueue(CHECKPOINTS + 1);
    await world.driveAll();
    await world.driveAll();
    const waiting = await medianMs(() => world.look(LOOKS), 3);
    return {
      checkpointsPerSecond: round((CHECKPOINTS * count) / seconds, 0),
      usPerStep: round((seconds * 1e6) / (CHECKPOINTS * count * STEPS), 0),
      usPerEnqueue: round((enqueue * 1e6) / (CHECKPOINTS * count), 0),
      usIdlePass: round((idle.ms * 1000) / LOOKS, 0),
      usWaitingPass: round((waiting.ms * 1000) / LOOKS, 0),
    };
  } finally {
    await store.close();
  }
}

/** An engine over `count` anchors that nobody else uses. */
function worldOf(store, clock, count, round) {
  const ledger = { height: 1 };
  const policy = anchorPolicySchema.parse({
    finalityDepth: 2,
    coalesce: false,
    batchSize: CHECKPOINTS,
    maxFeePerIntent: 10_000,
    maxFeePerDay: 100_000_000,
  });
  const ids = Array.from({ length: count }, (_, number) => `${round}-of-${count}-${number}`);
  const engine = new AnchoringEngine({
    store: store.anchors,
    leases: store.leases,
    clock,
    logger: silentLogger,
    holder: 'bench',
    anchors: new Map(
      ids.map((id) => [
        id,
        { anchor: instantAnchor(id, ledger), capabilities: CAPABILITIES, policy },
      ]),
    ),
  });
  const { signal } = new AbortController();
  return {
    enqueue: (size) => {
      const root = new Uint8Array(32).fill(size);
      const digest = commitmentDigest(ORIGIN, BigInt(size), root);
      return engine.enqueue({ origin: ORIGIN, size: BigInt(size), root, digest });
    },
    driveAll: () => Promise.all(ids.map((id) => engine.drive(id, signal))),
    block: () => {
      ledger.height += 1;
      clock.ms += 1_000;
    },
    finals: async () => {
      let all = 0;
      for (const id of ids) all += (await store.anchors.totals(id)).intents.get('final') ?? 0;
      return all;
    },
    look: async (times) => {
      for (let time = 0; time < times; time += 1) await engine.drive(ids[0], signal);
    },
  };
}

/** Takes everything, holds it in the second block after, and keeps nothing but when. */
function instantAnchor(id, ledger) {
  const sentAt = new Map();
  return {
    quote: async () => ({ fee: { amount: 300n, unit: 'sat' }, balance: 1_000_000n }),
    prepare: async (intent) => ({
      conflictKey: `coin of ${intent.id}`,
      fee: { amount: 300n, unit: 'sat' },
      payload: {},
    }),
    sign: async (intent, { conflictKey, fee }) => ({
      txId: `${id} ${intent.id}`,
      conflictKey,
      signed: new Uint8Array(SIGNED_BYTES),
      fee,
    }),
    broadcast: async ({ txId }) => {
      sentAt.set(txId, ledger.height);
      return 'accepted';
    },
    observe: async (attempts) =>
      attempts.map(({ txId }) => {
        const depth = ledger.height - (sentAt.get(txId) ?? ledger.height) - 1;
        if (depth < 1) return { txId, status: 'seen' };
        const height = ledger.height - depth + 1;
        const inclusion = { height, blockHash: `block ${height}`, blockTimeMs: height, depth };
        return { txId, status: 'included', inclusion };
      }),
    evidence: async () => ({
      type: 'bench/1',
      anchor: id,
      ledger: 'bench',
      trust: 'spv-pow',
      body: {
        tx: 'ab'.repeat(SIGNED_BYTES),
        branch: Array.from({ length: 12 }, () => 'cd'.repeat(32)),
      },
    }),
    health: async () => ({ live: true, ready: true }),
    close: async () => {},
  };
}
