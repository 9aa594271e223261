import { createHash } from 'node:crypto';
import plugin, { BitcoinConfig } from '@wattproof/anchor-bitcoin';
import type {
  Anchor,
  AnchorIntent,
  Attempt,
  Commitment,
  PrepareOptions,
} from '@wattproof/core/spi';
import { DrivenAnchor } from '@wattproof/core/testing';
import { Transaction } from 'bitcoinjs-lib';
import type { AddressType, CommitmentPlace } from '../src/bitcoin.config.js';
import { memoryCollections } from './calendars/memory-collections.js';
import { regtestKey, regtestWallet } from './regtest/regtest-key.js';
import { Regtest } from './regtest/regtest.js';

const { signal } = new AbortController();
const logger = { debug() {}, info() {}, warn() {}, error() {} };
const MINUTE_MS = 60_000;

let regtest: Regtest;
let keys = 0;

beforeAll(async () => {
  regtest = await Regtest.start();
});
afterAll(async () => {
  await regtest.stop();
});
afterEach(async () => {
  await regtest.setFees({ floor: 1, estimate: null, replacement: true, packages: true });
});

/** A wallet that nobody used before, with one coin. */
async function funded(address: AddressType = 'p2wpkh', commits: CommitmentPlace = 'op_return') {
  const index = 3_000 + keys;
  keys += 1;
  const wallet = regtestWallet(index, address, commits);
  await regtest.pay(wallet.script, 100_000);
  await regtest.mine(1);
  return { anchor: anchorOf(index, address, commits), wallet, index };
}

/** It remembers nothing of earlier ones of this key. */
const anchorOf = (
  index: number,
  address: AddressType = 'p2wpkh',
  commits: CommitmentPlace = 'op_return',
): Anchor =>
  plugin.create(
    BitcoinConfig.parse({
      network: 'regtest',
      rpc: { url: regtest.url, user: 'anchor', password: 'secret' },
      wif: regtestKey(index),
      address,
      commitment: commits,
      fee: { targetBlocks: 2 },
      confirmations: 2,
    }),
    {
      instanceId: 'bitcoin',
      origin: 'test',
      logger,
      clock: { nowMs: () => 0 },
      collections: memoryCollections(),
    },
  );

function commitment(name: string, size = 1n): Commitment {
  const digest = createHash('sha256').update(`${name} ${size}`).digest();
  return { origin: 'test', size, root: digest, digest };
}

const intentOf = (wanted: Commitment): AnchorIntent => ({
  id: Buffer.from(wanted.digest).toString('hex'),
  anchor: 'bitcoin',
  commitment: wanted,
  createdAtMs: 0,
});
const intent = (name: string, size?: bigint): AnchorIntent => intentOf(commitment(name, size));

async function attempt(
  anchor: Anchor,
  wanted: AnchorIntent,
  prior: readonly Attempt[] = [],
  more: Partial<PrepareOptions> = {},
): Promise<Attempt> {
  const draft = await anchor.prepare(wanted, prior, { bump: prior.length, signal, ...more });
  const signed = await anchor.sign(wanted, draft, signal);
  return {
    ...signed,
    intentId: wanted.id,
    number: prior.length,
    state: 'broadcast',
    createdAtMs: 0,
    ...(more.parent ? { childOf: more.parent.txId } : {}),
  };
}

async function publish(...asked: Parameters<typeof attempt>): Promise<Attempt> {
  const made = await attempt(...asked);
  expect(await asked[0].broadcast(made, signal)).toBe('accepted');
  return made;
}

const statuses = async (anchor: Anchor, ...attempts: Attempt[]) =>
  (await anchor.observe(attempts, signal)).map(({ status }) => status);

const read = ({ signed }: Attempt): Transaction => Transaction.fromBuffer(signed);
const changeOf = (made: Attempt): string => `${made.txId}:${read(made).outs.length - 1}`;
const vbytes = (...attempts: readonly Attempt[]): number =>
  attempts.reduce((sum, one) => sum + read(one).virtualSize(), 0);
const paid = (...attempts: readonly Attempt[]): number =>
  attempts.reduce((sum, { fee }) => sum + Number(fee.amount), 0);

describe('a child of a stuck Bitcoin anchor', () => {
  it.each([
    ['p2wpkh', 'op_return'],
    ['p2tr', 'op_return'],
    ['p2tr', 'taproot'],
  ] as const)(
    'brings what the node has dropped up to the rate of both, and the chain goes on from it (%s, %s)',
    async (address, commits) => {
      const { anchor, wallet, index } = await funded(address, commits);
      const wanted = intent(`dropped ${address} ${commits}`);
      const after = intent(`after ${address} ${commits}`);
      const parent = await publish(anchor, wanted);
      await regtest.setFees({ floor: 20, estimate: 20, replacement: false });
      expect(await statuses(anchor, parent)).toEqual(['missing']);
      const child = await publish(anchor, wanted, [parent], { parent, bump: 0 });
      expect(child.conflictKey).toBe(changeOf(parent));
      expect(read(child).outs.map(({ script }) => Buffer.from(script))).toEqual([
        Buffer.from(wallet.script),
      ]);
      expect(Math.abs(vbytes(child) - wallet.vbytes(1, 'child'))).toBeLessThanOrEqual(1);
      expect(paid(parent, child)).toBe(20 * (vbytes(parent) + wallet.vbytes(1, 'child')));
      expect(await statuses(anchor, parent, child)).toEqual(['seen', 'seen']);
      await regtest.mine(1);
      const next = await publish(anchor, after);
      expect(next.conflictKey).toBe(`${child.txId}:0`);
      await regtest.mine(1);
      // Whoever has lost everything finds the anchors before and after the child, and never the child.
      const restored = anchorOf(index, address, commits);
      for (const [of, made] of [
        [after, next],
        [wanted, parent],
      ] as const)
        expect(await restored.findExisting?.(of, signal)).toMatchObject({
          txId: made.txId,
          conflictKey: made.conflictKey,
          detail: made.detail,
        });
      expect((await restored.prepare(intent('more'), [], { bump: 0, signal })).conflictKey).toBe(
        changeOf(next),
      );
    },
  );

  it('waits where a node takes no packages, until its floor sinks', async () => {
    const { anchor } = await funded();
    const wanted = intent('no packages');
    const parent = await publish(anchor, wanted);
    await regtest.setFees({ floor: 20, packages: false });
    const child = await attempt(anchor, wanted, [parent], { parent });
    await expect(anchor.broadcast(child, signal)).rejects.toMatchObject({
      reason: 'underpriced',
      message: expect.stringContaining('Bitcoin Core 26'),
    });
    await regtest.setFees({ floor: 1 });
    expect(await anchor.broadcast(child, signal)).toBe('accepted');
    expect(await statuses(anchor, parent, child)).toEqual(['seen', 'seen']);
  });

  it('displaces nothing that waits, and outbids one that the node has dropped', async () => {
    const { anchor } = await funded();
    const wanted = intent('family');
    const parent = await publish(anchor, wanted);
    await regtest.setFees({ replacement: false });
    const first = await publish(anchor, wanted, [parent], { parent });
    const second = await publish(anchor, wanted, [parent, first], { parent });
    expect(second.conflictKey).toBe(`${first.txId}:0`);
    expect(await statuses(anchor, parent, first, second)).toEqual(['seen', 'seen', 'seen']);
    expect(paid(parent, first, second) / vbytes(parent, first, second)).toBeGreaterThan(
      paid(parent, first) / vbytes(parent, first),
    );

    await regtest.evictAll();
    const third = await attempt(anchor, wanted, [parent, first, second], { parent, bump: 0 });
    expect(third.conflictKey).toBe(first.conflictKey);
    expect(third.fee.amount).toBeGreaterThan(first.fee.amount);
    // The second alone brings the whole family back.
    expect(await anchor.broadcast(second, signal)).toBe('accepted');
    expect(await statuses(anchor, parent, first, second)).toEqual(['seen', 'seen', 'seen']);
    await regtest.mine(1);
    expect(await statuses(anchor, parent, first, second, third)).toEqual([
      'included',
      'included',
      'included',
      'conflicted',
    ]);
  });

  it('pays what the caps leave and no more', async () => {
    const { anchor } = await funded();
    const wanted = intent('caps');
    const parent = await publish(anchor, wanted);
    await regtest.setFees({ estimate: 60 });
    const options = { parent, maxFee: 900n };
    expect((await attempt(anchor, wanted, [parent], options)).fee.amount).toBe(900n);
    await regtest.setFees({ floor: 10 });
    await expect(attempt(anchor, wanted, [parent], options)).rejects.toMatchObject({
      reason: 'capped',
    });
    // 100 sat/vB of the two together, not of the child.
    await regtest.setFees({ floor: 1, estimate: 500 });
    const dearest = await attempt(anchor, wanted, [parent], { parent });
    expect(paid(parent, dearest)).toBe(100 * (vbytes(parent) + 110));
  });

  it('is not made for a parent that a block holds, or in whose place another one waits', async () => {
    const { anchor } = await funded();
    const wanted = intent('needless');
    const parent = await publish(anchor, wanted);
    const rival = await publish(anchor, wanted, [parent]);
    await expect(attempt(anchor, wanted, [parent, rival], { parent })).rejects.toMatchObject({
      reason: 'irreplaceable',
      message: expect.stringContaining(rival.txId),
    });
    await regtest.mine(1);
    await expect(attempt(anchor, wanted, [parent, rival], { parent: rival })).rejects.toMatchObject(
      { reason: 'conflict', message: expect.stringContaining('no child') },
    );
  });

  it('that waits when its parent is in a block holds the next anchor up, and gives its place to it in time', async () => {
    const { anchor } = await funded();
    const wanted = intent('alone', 1n);
    const parent = await publish(anchor, wanted);
    const child = await attempt(anchor, wanted, [parent], { parent });
    await regtest.mine(1);
    expect(await anchor.broadcast(child, signal)).toBe('accepted');
    await expect(attempt(anchor, intent('alone', 2n))).rejects.toMatchObject({
      reason: 'conflict',
      message: expect.stringContaining(child.txId),
    });
    // Out of the node's sight for two blocks, and back.
    await regtest.evictAll();
    await regtest.mine(1);
    await anchor.broadcast(child, signal);
    const next = await publish(anchor, intent('alone', 2n));
    expect(next.conflictKey).toBe(child.conflictKey);
    expect(next.fee.amount).toBeGreaterThan(child.fee.amount);
    await regtest.mine(2);
    expect(await statuses(anchor, parent, child, next)).toEqual(['final', 'conflicted', 'final']);
  });

  it('comes back with the anchor that went on from it when a reorganisation took both', async () => {
    const { anchor } = await funded();
    const [older, newer] = [intent('fallen', 1n), intent('fallen', 2n)];
    const parent = await publish(anchor, older);
    await publish(anchor, older, [parent], { parent });
    await regtest.mine(1);
    const next = await publish(anchor, newer);
    await regtest.mine(1);
    await regtest.reorganise(2);
    expect(await statuses(anchor, parent, next)).toEqual(['missing', 'missing']);
    await expect(anchor.broadcast(next, signal)).rejects.toMatchObject({ reason: 'conflict' });
    expect(await anchor.broadcast(parent, signal)).toBe('accepted');
    await regtest.mine(1);
    // The child's own commitment is settled, so nobody else would send the child.
    expect(await anchor.broadcast(next, signal)).toBe('accepted');
    await regtest.mine(1);
    expect(await statuses(anchor, parent, next)).toEqual(['final', 'included']);
  });

  it('can never come to be when another transaction took the place of its parent', async () => {
    const { anchor } = await funded();
    const wanted = intent('orphan');
    const parent = await publish(anchor, wanted);
    const child = await publish(anchor, wanted, [parent], { parent });
    const rival = await attempt(anchor, wanted, [parent]);
    // It outbids both.
    expect(rival.fee.amount).toBeGreaterThan(parent.fee.amount + child.fee.amount);
    expect(await anchor.broadcast(rival, signal)).toBe('accepted');
    await regtest.mine(1);
    expect(await anchor.observe([parent, child, rival], signal)).toMatchObject([
      { status: 'conflicted', conflictsWith: rival.txId },
      { status: 'conflicted', conflictsWith: rival.txId, inclusion: { depth: 1 } },
      { status: 'included' },
    ]);
  });
});

/** The anchor under the engine. */
class Scene extends DrivenAnchor {
  constructor(anchor: Anchor, policy: object = {}) {
    super(anchor, plugin.capabilities, {
      finalityDepth: 2,
      bumpEveryMs: 5 * MINUTE_MS,
      ...policy,
    });
  }

  async mined(blocks: number): Promise<void> {
    for (let block = 0; block < blocks; block += 1) {
      await regtest.mine(1);
      await this.drive(MINUTE_MS);
      await this.drive();
    }
  }

  async fates(wanted: Commitment) {
    const { attempts } = await this.intent(wanted);
    return attempts.map(({ state, childOf }) => (childOf ? `child ${state}` : state));
  }
}

describe('the engine with a stuck Bitcoin anchor', () => {
  it('gives the place of an older checkpoint to the newest, which covers it', async () => {
    const { anchor, wallet } = await funded();
    const scene = new Scene(anchor);
    const [older, newer] = [commitment('rolled', 1n), commitment('rolled', 2n)];
    await scene.enqueue(older);
    await scene.drive();
    // Two blocks that it misses.
    await regtest.setFees({ floor: 50 });
    await regtest.mine(2);
    await regtest.setFees({ floor: 1 });
    await scene.drive(MINUTE_MS);
    expect(await scene.fates(older)).toEqual(['broadcast']);
    await scene.enqueue(newer);
    await scene.drive();
    const [first, second] = [await scene.intent(older), await scene.intent(newer)];
    expect(second.attempts[0]?.conflictKey).toBe(first.attempts[0]?.conflictKey);
    await scene.mined(3);
    expect(await scene.intent(older)).toMatchObject({
      state: 'superseded',
      attempts: [{ state: 'replaced' }],
    });
    expect(await scene.intent(newer)).toMatchObject({
      state: 'final',
      attempts: [{ state: 'final' }],
    });
    // What funded it, and one anchor.
    expect(await regtest.transactionsOf(wallet.script)).toHaveLength(2);
  });

  it('has a child pay where the node replaces nothing, under the caps of the intent, and a newer checkpoint follows it', async () => {
    const { anchor } = await funded();
    const scene = new Scene(anchor, { maxFeePerIntent: 9_000 });
    const [older, newer] = [commitment('kept', 1n), commitment('kept', 2n)];
    await scene.enqueue(older);
    await scene.drive();
    await regtest.setFees({ replacement: false, estimate: 60 });
    await scene.drive(6 * MINUTE_MS);
    expect(await scene.fates(older)).toEqual(['seen', 'failed', 'child broadcast']);
    const { attempts } = await scene.intent(older);
    // The refused one took all that the cap leaves; the child is counted with its parent alone.
    expect(paid(attempts[1] as Attempt)).toBe(9_000);
    expect(paid(attempts[0] as Attempt, attempts[2] as Attempt)).toBe(9_000);
    await scene.enqueue(newer);
    await scene.drive(MINUTE_MS);
    expect(await scene.intent(newer)).toMatchObject({ attempts: [] });
    await scene.mined(4);
    expect(await scene.fates(older)).toEqual(['final', 'replaced', 'child final']);
    expect(await scene.intent(newer)).toMatchObject({
      state: 'final',
      attempts: [{ conflictKey: `${attempts[2]?.txId}:0` }],
    });
  });

  it('goes on from the child when the database is lost, and pays nothing twice', async () => {
    const { anchor, wallet, index } = await funded();
    const before = new Scene(anchor);
    const [older, newer] = [commitment('lost', 1n), commitment('lost', 2n)];
    await before.enqueue(older);
    await before.drive();
    await regtest.setFees({ replacement: false });
    await before.drive(6 * MINUTE_MS);
    expect(await before.fates(older)).toEqual(['seen', 'failed', 'child broadcast']);
    const after = new Scene(anchorOf(index), { coalesce: false });
    await after.enqueue(older);
    await after.drive();
    // The child is unknown now, and the next one pays for it as well.
    await after.drive(6 * MINUTE_MS);
    expect(await after.fates(older)).toEqual(['seen', 'failed', 'child broadcast']);
    const child = (await after.intent(older)).attempts[2];
    expect(child?.conflictKey).toBe(`${(await before.intent(older)).attempts[2]?.txId}:0`);
    await after.mined(3);
    expect(await after.intent(older)).toMatchObject({ state: 'final' });
    await after.enqueue(newer);
    await after.mined(3);
    expect(await after.intent(newer)).toMatchObject({ state: 'final' });
    // What funded it, the anchor, two children and the anchor that follows.
    expect(await regtest.transactionsOf(wallet.script)).toHaveLength(5);
  });

  it('is well again after a reorganisation that took parent, child and the anchor that followed', async () => {
    const { anchor } = await funded();
    const scene = new Scene(anchor, { finalityDepth: 6 });
    const [older, newer] = [commitment('deep', 1n), commitment('deep', 2n)];
    await scene.enqueue(older);
    await scene.drive();
    await regtest.setFees({ replacement: false });
    await scene.drive(6 * MINUTE_MS);
    await scene.mined(1);
    await scene.enqueue(newer);
    await scene.drive();
    await scene.mined(1);
    expect([(await scene.intent(older)).state, (await scene.intent(newer)).state]).toEqual([
      'included',
      'included',
    ]);
    await regtest.reorganise(2);
    await scene.mined(9);
    expect([(await scene.intent(older)).state, (await scene.intent(newer)).state]).toEqual([
      'final',
      'final',
    ]);
    expect(await scene.fates(newer)).toEqual(['final']);
  });
});
