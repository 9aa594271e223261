import { recordsRoot } from '../../src/anchoring/local-ledger/block.js';
import localLedger, {
  type LocalBlock,
  verifyLocalChain,
} from '../../src/anchoring/local-ledger/index.js';
import {
  operation,
  operationRecord,
  readOperation,
} from '../../src/anchoring/local-ledger/operation.js';
import type { AnchorPorts, Collections, PluginContext } from '../../src/spi/index.js';
import { signal } from '../../src/testing/anchor-suite/suite-kit.js';
import { seededRandom } from '../../src/testing/anchor-suite/seeded-random.js';
import { type CutMoment, CutPoint } from '../../src/testing/cut-at-await.js';
import { fromBase64, fromUtf8, utf8 } from '../../src/verify/bytes.js';
import { blocksOf, LocalLedgerWorld } from './local-ledger-world.js';

type Books = Required<Pick<AnchorPorts, 'tokens' | 'certificates' | 'settlement'>>;

const portsOf = (context: PluginContext): Books => localLedger.create({}, context).ports as Books;

const EUR = (amount: bigint) => ({ amount, unit: 'EUR' });

/** A small market's life; every step may be asked for again. */
function life({ tokens, certificates, settlement }: Books): readonly (() => Promise<unknown>)[] {
  const certificateHash = new Uint8Array(32).fill(7);
  const trade = {
    tradeId: 't1',
    seller: 'seller',
    buyer: 'buyer',
    energyUWh: 4n,
    payment: EUR(30n),
  };
  return [
    () => tokens.mint({ key: 'm1', to: 'seller', energyUWh: 10n }, signal()),
    async () =>
      settlement.cash?.deposit({ key: 'd1', account: 'buyer', payment: EUR(100n) }, signal()),
    () => settlement.settle(trade, signal()),
    () => tokens.burn({ key: 'b1', from: 'buyer', energyUWh: 1n }, signal()),
    () => certificates.issue({ key: 'c1', to: 'seller', certificateHash, energyWh: 9n }, signal()),
    () =>
      certificates.retire({ key: 'r1', certificateHash, from: 'seller', energyWh: 2n }, signal()),
    async () =>
      settlement.cash?.withdraw({ key: 'w1', account: 'seller', payment: EUR(30n) }, signal()),
  ];
}

async function audited(world: LocalLedgerWorld) {
  const verdict = await verifyLocalChain(await blocksOf(world), [world.signer.vkey]);
  if (!verdict.ok) throw new Error(`${verdict.code}: ${verdict.detail}`);
  const stored = await world.collections.range('holdings', { limit: 1_000 });
  const kept = stored.items.map(({ key, value }) => [key, value['amount']]);
  const recomputed = [...verdict.holdings].map(([key, amount]) => [key, amount.toString()]);
  expect(kept.toSorted()).toEqual(recomputed.toSorted());
  return verdict;
}

describe('the ports of the local ledger', () => {
  it('keep accounts that its blocks recompute to', async () => {
    const world = await LocalLedgerWorld.open();
    for (const step of life(portsOf(world.context()))) await step();
    const { holdings, transactions } = await audited(world);
    expect(transactions).toBe(7);
    expect(Object.fromEntries(holdings)).toMatchObject({
      'tokens/seller': 6n,
      'tokens/buyer': 3n,
      'funds/EUR/seller': 0n,
      'funds/EUR/buyer': 70n,
    });
  });

  it.each(['before', 'after'] as const)(
    'change everything or nothing when the process dies %s any of its calls',
    async (moment: CutMoment) => {
      const wanted = await LocalLedgerWorld.open();
      for (const step of life(portsOf(wanted.context()))) await step();
      const { holdings } = await audited(wanted);
      // By day every third call, other ones before than after.
      const step = process.env['WATTPROOF_NIGHTLY'] ? 1 : 3;
      for (let at = moment === 'before' ? 1 : 2; ; at += step) {
        const world = await LocalLedgerWorld.open();
        const cut = new CutPoint(at, moment);
        const dying = portsOf({
          ...world.context(),
          collections: cut.wrap<Collections>(world.collections, 'collections'),
          signer: { ...world.signer, ...cut.wrap({ sign: world.signer.sign }, 'signer') },
        });
        for (const step of life(dying)) {
          await step().catch(() => undefined);
          if (cut.cutAt !== undefined) break;
        }
        if (cut.cutAt === undefined) {
          expect(at).toBeGreaterThan(30);
          return;
        }
        for (const step of life(portsOf(world.context()))) await step();
        expect((await audited(world)).holdings).toEqual(holdings);
      }
    },
  );

  it('give many writers that meet one account, and share blocks among those that wait', async () => {
    const world = await LocalLedgerWorld.open();
    const writers = Array.from({ length: 4 }, () => portsOf(world.context()).tokens);
    const random = seededRandom(11);
    await writers[0]?.mint({ key: 'm', to: 'a', energyUWh: 100n }, signal());
    const outcomes = await Promise.allSettled(
      Array.from({ length: 200 }, (_, index) => {
        const [from, to] = random() < 0.7 ? ['a', 'b'] : ['b', 'a'];
        const energyUWh = BigInt(1 + Math.floor(random() * 9));
        const key = `t${index % 150}/${from}/${energyUWh}`;
        return writers[index % 4]?.transfer({ key, from, to, energyUWh }, signal());
      }),
    );
    const refused = outcomes.flatMap((outcome) =>
      outcome.status === 'rejected' ? [(outcome.reason as { code?: string }).code] : [],
    );
    expect(new Set(refused)).toEqual(new Set(['balance_too_low']));
    const { holdings, blocks } = await audited(world);
    expect((holdings.get('tokens/a') ?? 0n) + (holdings.get('tokens/b') ?? 0n)).toBe(100n);
    expect(blocks).toBeLessThan(60);
  });

  it('refuse names that no book could hold, and let none of them hold up the others', async () => {
    const { tokens } = portsOf((await LocalLedgerWorld.open()).context());
    const mint = (key: string, to = 'a') => tokens.mint({ key, to, energyUWh: 1n }, signal());
    const keys = ['電'.repeat(200), '🔌'.repeat(101), 'x'.repeat(10_000), 'a\u0000b', '\ud800', ''];
    const asked = [...keys.map((key) => mint(key)), mint('m', 'x'.repeat(10_000))];
    const taken = [mint('m'), mint('電'.repeat(133))];
    const refused = asked.map(() => ({ reason: { code: 'request_invalid' } }));
    const done = taken.map(() => ({ value: { existing: false } }));
    expect(await Promise.allSettled([...asked, ...taken])).toMatchObject([...refused, ...done]);
  });

  it('read no holding under a name that is put together otherwise', async () => {
    const { tokens, certificates, settlement } = portsOf((await LocalLedgerWorld.open()).context());
    const payment = EUR(5n);
    await settlement.cash?.deposit({ key: 'd', account: 'b/c', payment }, signal());
    expect(await settlement.funds('b/c', 'EUR', signal())).toBe(5n);
    const hash = new Uint8Array(32);
    for (const call of [
      () => settlement.funds('c', 'EUR/b', signal()),
      () => settlement.funds('x'.repeat(10_000), 'EUR', signal()),
      () => tokens.balance('a b', signal()),
      () => certificates.holding(hash, '', signal()),
      () => certificates.holding(hash.slice(1), 'a', signal()),
    ])
      await expect(call()).rejects.toMatchObject({ code: 'request_invalid' });
  });

  it('say what was short and by how much', async () => {
    const { tokens } = portsOf((await LocalLedgerWorld.open()).context());
    await tokens.mint({ key: 'm', to: 'a', energyUWh: 5n }, signal());
    await expect(tokens.burn({ key: 'b', from: 'a', energyUWh: 6n }, signal())).rejects.toThrow(
      'token-burn "b" takes 6 from tokens/a, which has 5',
    );
  });
});

describe('the accounts in a chain of blocks', () => {
  const mint = (key: string, energyUWh: bigint) =>
    operationRecord(operation('token-mint', key, { to: 'a', energyUWh }));
  const burn = (key: string, energyUWh: bigint) =>
    operationRecord(operation('token-burn', key, { from: 'a', energyUWh }));
  const issue = (key: string) =>
    operationRecord(
      operation('certificate-issue', key, {
        to: 'a',
        energyWh: 1n,
        certificateHash: '07'.repeat(32),
      }),
    );
  const malformed = utf8(fromUtf8(mint('m', 1n)).replace('"1"', '"01"'));

  it.each([
    ['a key done twice', 'operation_repeated', [mint('m', 1n), mint('m', 2n)]],
    ['tokens that were not there', 'operation_balance_too_low', [mint('m', 1n), burn('b', 2n)]],
    ['a certificate issued twice', 'operation_certificate_exists', [issue('c'), issue('d')]],
    ['an operation that has two forms', 'block_malformed', [malformed]],
  ])('are recomputed, and %s is found though signed', async (_what, code, records) => {
    const world = await LocalLedgerWorld.open();
    await world.ledger().append(records);
    const verdict = await verifyLocalChain(await blocksOf(world), [world.signer.vkey]);
    expect(verdict).toMatchObject({ ok: false, code, number: 0 });
  });

  it('are covered by the root: an amount that was changed does not hash to it', async () => {
    const world = await LocalLedgerWorld.open();
    for (const step of life(portsOf(world.context()))) await step();
    const blocks = await blocksOf(world);
    const first = blocks[0] as LocalBlock;
    const other = mint('m1', 11n);
    expect(recordsRoot(first.records.map(fromBase64))).not.toEqual(recordsRoot([other]));
    const changed = { ...first, records: [Buffer.from(other).toString('base64')] };
    const verdict = await verifyLocalChain([changed, ...blocks.slice(1)], [world.signer.vkey]);
    expect(verdict).toMatchObject({ ok: false, code: 'block_root' });
  });

  it('hold nothing that is no operation', () => {
    expect(readOperation(utf8('PREDICTION|101|household_12|0.1500'))).toBeUndefined();
    expect(readOperation(new Uint8Array([0xff]))).toBeUndefined();
    expect(readOperation(utf8('null'))).toBeUndefined();
    expect(readOperation(burn('b', 2n))).toEqual(
      operation('token-burn', 'b', { from: 'a', energyUWh: 2n }),
    );
  });
});
