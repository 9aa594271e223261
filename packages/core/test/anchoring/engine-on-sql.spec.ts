import assert from 'node:assert/strict';
import {
  AnchoringEngine,
  anchorPolicySchema,
  type StoredIntent,
} from '../../src/anchoring/index.js';
import type { Anchor } from '../../src/spi/index.js';
import localLedger, {
  LEDGER_COLLECTIONS,
  type LocalBlock,
  verifyLocalChain,
} from '../../src/anchoring/local-ledger/index.js';
import { SqlDocuments } from '../../src/stores/mikro-orm/collections.js';
import { SqlAnchors } from '../../src/stores/mikro-orm/anchors.js';
import { SqlLeases } from '../../src/stores/mikro-orm/leases.js';
import { migrate } from '../../src/stores/mikro-orm/migrate.js';
import { MIGRATIONS } from '../../src/stores/mikro-orm/migrations/migrations.js';
import { PgSql } from '../../src/stores/mikro-orm/pg.sql.js';
import { storeLimits } from '../../src/stores/mikro-orm/store-options.js';
import { engineTests } from '../../src/testing/anchor-suite/engine-tests.js';
import { suiteContext } from '../../src/testing/anchor-suite/suite-context.js';
import { suiteCommitment } from '../../src/testing/anchor-suite/commitments.js';
import { fakeAnchor, FakeLedger, fakeSuite } from '../../src/testing/fake-ledger/index.js';
import {
  sampleAttempt,
  sampleEvidence,
  sampleIntent,
} from '../../src/testing/store-suite/sample-intents.js';
import { startPostgres, type TestPostgres } from '../../src/testing/postgres/start-postgres.js';
import { toHex } from '../../src/verify/bytes.js';
import { silent } from './engine-world.js';
import { ledgerSigner } from './local-ledger-world.js';

let server: TestPostgres;
let sql: PgSql;
let runs = 0;
const nextId = (): string => `run-${(runs += 1)}`;

beforeAll(async () => {
  server = await startPostgres();
  const url = await server.createDatabase();
  sql = new PgSql(url, { logger: silent, ...storeLimits.parse({}) });
  await migrate({ kind: 'postgresql', sql, url }, MIGRATIONS);
});
afterAll(async () => {
  await sql?.close();
  await server?.remove();
});

/** All runs share one database: attempts cannot be deleted, so each has an anchor of its own. */
const store = async () => ({
  anchors: new SqlAnchors(sql, storeLimits.parse({})),
  leases: new SqlLeases(sql),
  instanceId: nextId(),
  expireLeases: async () => {
    await sql.query(`UPDATE lease SET expires_at = clock_timestamp() WHERE expires_at IS NOT NULL`);
  },
  close: async () => {},
});

describe('the engine on an SQL store', () => {
  // A run takes a tenth of a second and more here, and ten milliseconds in memory, where every place is cut.
  const crash = { points: 2, nightlyPoints: 100, nightlySeeds: 2, nightlyCommitments: 3 };
  engineTests(
    suiteContext({ ...fakeSuite('ledger', false, ['child']), store, crash }, { describe, it }),
  );

  /** An engine over an anchor of its own that charges wei: amounts beyond 2^63. */
  async function engineInWei() {
    const { anchors, leases, instanceId } = await store();
    const ledger = new FakeLedger({ exclusion: 'ledger', balance: 10n ** 22n });
    const plugin = fakeAnchor('ledger');
    const clock = { ms: 1_700_000_000_000, nowMs: (): number => clock.ms };
    const anchor = plugin.create(
      { ledger, baseFee: 10n ** 19n },
      { instanceId, origin: 'suite.example/log', logger: silent, clock },
    );
    const policy = anchorPolicySchema.parse({
      finalityDepth: 3,
      coalesce: false,
      maxFeePerDay: String(10n ** 19n + 5n),
    });
    const { capabilities } = plugin;
    const engine = new AnchoringEngine({
      store: anchors,
      leases,
      clock,
      logger: silent,
      anchors: new Map([[instanceId, { anchor, capabilities, policy }]]),
      holder: 'one',
    });
    const { signal } = new AbortController();
    const step = async (steps: number) => {
      for (let count = 0; count < steps; count += 1) {
        await engine.drive(instanceId, signal);
        ledger.mine();
        clock.ms += 60_000;
      }
    };
    const states = async (...sizes: number[]) => {
      const found = [];
      for (const size of sizes)
        for (const intent of await anchors.bySize(BigInt(size)))
          if (intent.anchor === instanceId) found.push(intent);
      return found;
    };
    return { engine, anchors, leases, ledger, instanceId, anchor, signal, step, states };
  }

  it('keeps caps and fees beyond 2^63 exact', async () => {
    const { engine, step, states } = await engineInWei();
    await engine.enqueue(suiteCommitment(1));
    await step(1);
    await engine.enqueue(suiteCommitment(2));
    await step(4);
    const [first, second] = await states(1, 2);
    expect(first).toMatchObject({ state: 'final', attempts: [{ fee: { amount: 10n ** 19n } }] });
    expect(second).toMatchObject({ state: 'capped', attempts: [] });
    expect(second?.reason).toContain('may pay 5');
  });

  it('reopens a final intent whose block is gone, and keeps every step of it', async () => {
    const { engine, ledger, instanceId, signal, step, states } = await engineInWei();
    await engine.enqueue(suiteCommitment(1));
    await step(5);
    ledger.reorg(7, { forget: true });
    await engine.recheckFinals(instanceId, 10, signal);
    expect((await states(1))[0]?.state).toBe('reorged');
    await step(5);
    const [intent] = await states(1);
    expect(intent).toMatchObject({ state: 'final', attempts: [{ number: 0 }] });
    const history = await sql.query<{ to_state: string }>(
      'SELECT to_state FROM anchor_history WHERE intent_id = $1 AND attempt IS NULL ORDER BY id',
      [intent?.id ?? ''],
    );
    expect(history.map(({ to_state: to }) => to)).toEqual([
      'broadcast',
      'included',
      'final',
      'reorged',
      'seen',
      'included',
      'final',
    ]);
    const evidence = await sql.query('SELECT id FROM anchor_evidence WHERE intent_id = $1', [
      intent?.id ?? '',
    ]);
    expect(evidence).toHaveLength(4);
  });

  it('sends nothing when another process has taken the lease meanwhile', async () => {
    const { engine, anchor, leases, ledger, instanceId, signal, states } = await engineInWei();
    await engine.enqueue(suiteCommitment(1));
    const sign = anchor.sign.bind(anchor);
    anchor.sign = async (...args) => {
      await sql.query(`UPDATE lease SET expires_at = clock_timestamp() WHERE name = $1`, [
        `anchor/${instanceId}`,
      ]);
      await leases.acquire(`anchor/${instanceId}`, 'another', 60_000);
      return sign(...args);
    };
    await expect(engine.drive(instanceId, signal)).rejects.toMatchObject({ code: 'lease_lost' });
    expect((await states(1))[0]).toMatchObject({ state: 'queued', attempts: [] });
    ledger.mine();
    expect(ledger.balance).toBe(10n ** 22n);
  });
});

describe('two processes that drive one anchor', () => {
  it('publish every checkpoint once, whenever the lease changes hands under either', async () => {
    const { anchors, leases, instanceId } = await store();
    const ledger = new FakeLedger({ exclusion: 'ledger' });
    const clock = { ms: 1_700_000_000_000, nowMs: (): number => clock.ms };
    const plugin = fakeAnchor('ledger');
    const lapse = () =>
      sql.query(`UPDATE lease SET expires_at = clock_timestamp() WHERE name = $1`, [
        `anchor/${instanceId}`,
      ]);
    let stolen = 0;
    let callsUntil = 0;
    let rival: (() => Promise<void>) | undefined;
    /** Before one call of each pass its lease lapses, and the other process drives a whole pass meanwhile. */
    const contested = (anchor: Anchor): Anchor =>
      new Proxy(anchor, {
        get: (target, name) => {
          const member: unknown = Reflect.get(target, name);
          if (typeof member !== 'function') return member;
          return async (...args: unknown[]) => {
            const steal = rival;
            if (steal !== undefined && (callsUntil -= 1) < 0) {
              rival = undefined;
              stolen += 1;
              await lapse();
              await steal();
            }
            return member.apply(target, args) as unknown;
          };
        },
      });
    const policy = anchorPolicySchema.parse({ finalityDepth: 2, coalesce: false, retryMinMs: 100 });
    const [one, two] = ['one', 'two'].map((holder) => {
      const context = { instanceId, origin: 'suite.example/log', logger: silent, clock };
      const anchor = contested(plugin.create({ ledger, baseFee: 100n }, context));
      const { capabilities } = plugin;
      return new AnchoringEngine({
        store: anchors,
        leases,
        clock,
        logger: silent,
        anchors: new Map([[instanceId, { anchor, capabilities, policy }]]),
        holder,
      });
    }) as [AnchoringEngine, AnchoringEngine];
    const { signal } = new AbortController();
    let lost = 0;
    const drive = async (engine: AnchoringEngine): Promise<void> => {
      try {
        await engine.drive(instanceId, signal);
      } catch (error) {
        if ((error as { code?: string }).code !== 'lease_lost') throw error;
        lost += 1;
      }
    };
    const sizes = [1, 2, 3, 4];
    const mine = async (): Promise<readonly StoredIntent[]> =>
      (await Promise.all(sizes.map((size) => anchors.bySize(BigInt(size)))))
        .flat()
        .filter(({ anchor }) => anchor === instanceId);
    for (let step = 0; step < 24; step += 1) {
      if (step % 4 === 0 && sizes[step / 4] !== undefined)
        await one.enqueue(suiteCommitment(sizes[step / 4] ?? 0));
      const [first, second] = step % 2 === 0 ? [one, two] : [two, one];
      callsUntil = step % 5;
      rival = () => drive(second);
      await drive(first);
      await lapse();
      if (step % 2 === 1) ledger.mine();
      clock.ms += 60_000;
    }
    const intents = await mine();
    expect(intents.map(({ state }) => state)).toEqual(sizes.map(() => 'final'));
    for (const size of sizes)
      expect(ledger.confirmed(toHex(suiteCommitment(size).digest))).toHaveLength(1);
    expect(ledger.balance).toBe(1_000_000n - 100n * BigInt(sizes.length));
    expect(stolen).toBeGreaterThan(8);
    expect(lost).toBeGreaterThan(4);
  });
});

describe('what the database keeps of anchoring', () => {
  const intent = sampleIntent();

  beforeAll(async () => {
    const anchors = new SqlAnchors(sql, storeLimits.parse({}));
    const lease = await new SqlLeases(sql).acquire('anchor', 'a', 60_000);
    assert.ok(lease);
    await anchors.putIntent(intent);
    await anchors.putAttempt(lease, sampleAttempt(intent.id, 0));
    const key = { intentId: intent.id, number: 0 };
    await anchors.moveAttempt(lease, key, 'signed', 'broadcast');
    await anchors.moveAttempt(lease, key, 'broadcast', 'broadcast');
    await anchors.moveIntent(lease, intent.id, 'queued', 'broadcast', { reason: 'sent' });
    await anchors.putEvidence(lease, intent.id, sampleEvidence());
  });

  it('has every change of state with the fence it was made under', async () => {
    const history = await sql.query(
      `SELECT attempt, from_state, to_state, detail, fence FROM anchor_history
       WHERE intent_id = $1 ORDER BY id`,
      [intent.id],
    );
    assert.deepEqual(history, [
      { attempt: 0, from_state: null, to_state: 'signed', detail: null, fence: 1n },
      { attempt: 0, from_state: 'signed', to_state: 'broadcast', detail: null, fence: 1n },
      { attempt: null, from_state: 'queued', to_state: 'broadcast', detail: 'sent', fence: 1n },
    ]);
  });

  it('refuses to change signed bytes and to delete attempts, evidence or history', async () => {
    for (const statement of [
      `UPDATE anchor_attempt SET signed = '\\x00'`,
      `UPDATE anchor_attempt SET tx_id = 'another'`,
      `UPDATE anchor_attempt SET child_of = 'another'`,
      'DELETE FROM anchor_attempt',
      'DELETE FROM anchor_evidence',
      `UPDATE anchor_evidence SET evidence = '{}'`,
      'DELETE FROM anchor_history',
      'TRUNCATE anchor_history',
    ])
      await assert.rejects(sql.query(statement), { sqlState: '23001' }, statement);
  });
});

describe('the accounts of the local ledger on an SQL store', () => {
  it('are one for writers that share nothing but the database', async () => {
    const signer = ledgerSigner('sql.test/log');
    const collections = await new SqlDocuments(sql).open('local', LEDGER_COLLECTIONS);
    const host = { instanceId: 'local', origin: 'sql.test/log', logger: silent, signer };
    const context = { ...host, collections, clock: { nowMs: () => 0 } };
    const writers = Array.from({ length: 3 }, () => localLedger.create({}, context).ports?.tokens);
    const { signal } = new AbortController();
    await writers[0]?.mint({ key: 'm', to: 'a', energyUWh: 100n }, signal);
    // Every transfer is asked of two writers; of 40 for 3 each there is enough for 33.
    const outcomes = await Promise.allSettled(
      Array.from({ length: 80 }, async (_, index) => {
        const request = { key: `t${index >> 1}`, from: 'a', to: 'b', energyUWh: 3n };
        return writers[index % 3]?.transfer(request, signal);
      }),
    );
    const done = outcomes.filter(({ status }) => status === 'fulfilled');
    expect(done).toHaveLength(66);
    expect(await writers[1]?.balance('b', signal)).toBe(99n);
    const { items } = await collections.range('blocks', { limit: 1_000 });
    const blocks = items.map(({ value }) => value as unknown as LocalBlock);
    const verdict = await verifyLocalChain(blocks, [signer.vkey]);
    expect(verdict).toMatchObject({ ok: true, transactions: 34 });
    expect(verdict.ok && verdict.holdings.get('tokens/a')).toBe(1n);
  });
});
