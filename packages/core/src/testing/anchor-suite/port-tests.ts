import assert from 'node:assert/strict';
import type { AnchorPorts, LedgerOperation, PortRefusalCode } from '../../spi/index.js';
import { utf8 } from '../../verify/bytes.js';
import { sha256 } from '../../verify/sha256.js';
import { suitePluginContext } from './commitments.js';
import type { SuiteContext } from './suite-context.js';
import { rejectsWith, signal } from './suite-kit.js';

/** What the tests of `tokens`, `certificates` and `settlement` need from the author of an anchor. */
export interface PortSuiteOptions<World> {
  /** Three accounts with nothing on them that let this anchor move what they own. */
  accounts(world: World): readonly [string, string, string];
  /** A unit of payment. */
  readonly unit: string;
  /** Gives an account money of that unit. */
  fund(world: World, account: string, amount: bigint): Promise<void>;
}

/** Most times an operation is asked for before it must be on the ledger. */
const PATIENCE = 40;
const KWH_UWH = 1_000_000_000n;

interface Scene<World> {
  readonly world: World;
  readonly ports: AnchorPorts;
  readonly accounts: readonly [string, string, string];
  /** Asks again, with one more block each time, until the operation is on the ledger. */
  done(call: () => Promise<LedgerOperation>): Promise<LedgerOperation>;
}

/** What holds for every ledger that keeps tokens, certificates or settlements. */
export function portTests<World>({ options, it, withAnchor }: SuiteContext<World>): void {
  const declared = options.plugin.capabilities.ports ?? [];
  const books = declared.filter((port) => port !== 'wallet');
  if (books.length === 0) return;

  const onPorts = (body: (scene: Scene<World>) => Promise<void>) =>
    withAnchor(async (anchor, world) => {
      assert.ok(options.ports, `${books.join(', ')}: the suite needs its option ports`);
      await body({
        world,
        ports: anchor.ports as AnchorPorts,
        accounts: options.ports.accounts(world),
        done: (call) => untilDone(call, () => options.settle(world)),
      });
    });

  if (declared.includes('tokens')) {
    it(
      'mints once for a key, however often, however many at a time and from whatever instance',
      onPorts(async ({ world, ports, accounts: [to], done }) => {
        const mint = () =>
          tokensOf(ports).mint({ key: 'meter/1', to, energyUWh: KWH_UWH }, signal());
        const all = await Promise.all([mint(), mint(), mint(), mint()]);
        const first = await done(mint);
        const firsts = all.filter(({ existing }) => !existing);
        assert.equal(firsts.length, 1, 'one of four did it');
        const again = await mint();
        assert.deepEqual([again.existing, again.txId], [true, first.txId]);
        const restarted = options.create(world, suitePluginContext());
        const port = tokensOf(restarted.ports as AnchorPorts);
        const late = await port.mint({ key: 'meter/1', to, energyUWh: KWH_UWH }, signal());
        assert.deepEqual([late.existing, late.txId], [true, first.txId]);
        await restarted.close();
        assert.equal(await tokensOf(ports).balance(to, signal()), KWH_UWH);
      }),
    );

    it(
      'refuses a key that stands for another request',
      onPorts(async ({ ports, accounts: [to, other], done }) => {
        const port = tokensOf(ports);
        await done(() => port.mint({ key: 'k', to, energyUWh: 5n }, signal()));
        const others: (() => Promise<LedgerOperation>)[] = [
          () => port.mint({ key: 'k', to, energyUWh: 6n }, signal()),
          () => port.mint({ key: 'k', to: other, energyUWh: 5n }, signal()),
          () => port.burn({ key: 'k', from: to, energyUWh: 5n }, signal()),
        ];
        for (const call of others) await refusesWith('key_conflict', call);
        assert.equal(await port.balance(to, signal()), 5n);
        assert.equal(await port.balance(other, signal()), 0n);
      }),
    );

    it(
      'moves and burns what is there and nothing more',
      onPorts(async ({ ports, accounts: [from, to], done }) => {
        const port = tokensOf(ports);
        await done(() => port.mint({ key: 'm', to: from, energyUWh: 10n }, signal()));
        const sent = () => port.transfer({ key: 't', from, to, energyUWh: 4n }, signal());
        await done(sent);
        assert.equal((await sent()).existing, true);
        const burnt = () => port.burn({ key: 'b', from, energyUWh: 6n }, signal());
        await done(burnt);
        assert.equal((await burnt()).existing, true);
        for (const call of [
          () => port.transfer({ key: 't2', from, to, energyUWh: 1n }, signal()),
          () => port.burn({ key: 'b2', from: to, energyUWh: 5n }, signal()),
        ])
          await refusesWith('balance_too_low', call);
        assert.equal(await port.balance(from, signal()), 0n);
        assert.equal(await port.balance(to, signal()), 4n);
      }),
    );

    it(
      'gives one balance to one of two that want it at a time',
      onPorts(async ({ ports, accounts: [from, to], done }) => {
        const port = tokensOf(ports);
        await done(() => port.mint({ key: 'm', to: from, energyUWh: 10n }, signal()));
        const outcomes = await Promise.allSettled(
          ['t1', 't2'].map((key) =>
            done(() => port.transfer({ key, from, to, energyUWh: 6n }, signal())),
          ),
        );
        assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
        assert.equal(await port.balance(from, signal()), 4n);
        assert.equal(await port.balance(to, signal()), 6n);
      }),
    );

    it(
      'calls what no ledger could do invalid',
      onPorts(async ({ ports, accounts: [to] }) => {
        const port = tokensOf(ports);
        for (const call of [
          () => port.mint({ key: 'z', to, energyUWh: 0n }, signal()),
          () => port.mint({ key: 'z', to, energyUWh: -1n }, signal()),
          () => port.mint({ key: 'z', to, energyUWh: 2n ** 256n }, signal()),
          () => port.mint({ key: '', to, energyUWh: 1n }, signal()),
          () => port.mint({ key: 'z', to: 'no account', energyUWh: 1n }, signal()),
          () => port.transfer({ key: 'z', from: to, to, energyUWh: 1n }, signal()),
        ])
          await refusesWith('request_invalid', call);
        assert.equal(await port.balance(to, signal()), 0n);
      }),
    );

    it(
      'does an operation once that the ledger could not be asked for at first',
      onPorts(async ({ world, ports, accounts: [to], done }) => {
        const mint = () => tokensOf(ports).mint({ key: 'k', to, energyUWh: 3n }, signal());
        await options.setDown(world, true);
        await rejectsWith('unavailable', mint);
        await options.setDown(world, false);
        await done(mint);
        assert.equal(await tokensOf(ports).balance(to, signal()), 3n);
      }),
    );
  }

  if (declared.includes('certificates')) {
    const certificateHash = sha256(utf8('certificate 1'));

    it(
      'issues a certificate once, whatever key it is asked under',
      onPorts(async ({ ports, accounts: [to], done }) => {
        const port = certificatesOf(ports);
        const issue = (key: string, energyWh = 1_000n) =>
          port.issue({ key, to, certificateHash, energyWh }, signal());
        const { txId } = await done(() => issue('c'));
        const again = await issue('c');
        assert.deepEqual([again.existing, again.txId], [true, txId]);
        await refusesWith('certificate_exists', () => issue('d'));
        await refusesWith('key_conflict', () => issue('c', 999n));
        const { heldWh, retiredWh } = await port.holding(certificateHash, to, signal());
        assert.deepEqual([heldWh, retiredWh], [1_000n, 0n]);
      }),
    );

    it(
      'retires a part for good and lets the rest move',
      onPorts(async ({ ports, accounts: [owner, other], done }) => {
        const port = certificatesOf(ports);
        const move = (key: string, energyWh: bigint) =>
          port.transfer({ key, certificateHash, from: owner, to: other, energyWh }, signal());
        const retire = (key: string, energyWh: bigint) =>
          port.retire(
            { key, certificateHash, from: owner, energyWh, beneficiary: 'Acme' },
            signal(),
          );
        await done(() =>
          port.issue({ key: 'c', to: owner, certificateHash, energyWh: 10n }, signal()),
        );
        await done(() => retire('r', 4n));
        assert.equal((await retire('r', 4n)).existing, true);
        await refusesWith('key_conflict', () => retire('r', 3n));
        await refusesWith('balance_too_low', () => move('t', 7n));
        await refusesWith('balance_too_low', () => retire('r2', 7n));
        await done(() => move('t', 6n));
        await refusesWith('balance_too_low', () => move('t2', 1n));
        const mine = await port.holding(certificateHash, owner, signal());
        const theirs = await port.holding(certificateHash, other, signal());
        assert.deepEqual([mine.heldWh, mine.retiredWh], [0n, 4n]);
        assert.deepEqual([theirs.heldWh, theirs.retiredWh], [6n, 0n]);
      }),
    );

    it(
      'knows nothing of a certificate that was never issued',
      onPorts(async ({ ports, accounts: [from, to] }) => {
        const port = certificatesOf(ports);
        const unknown = { certificateHash, from, energyWh: 1n };
        await refusesWith('certificate_unknown', () =>
          port.transfer({ ...unknown, key: 't', to }, signal()),
        );
        await refusesWith('certificate_unknown', () =>
          port.retire({ ...unknown, key: 'r' }, signal()),
        );
        const { heldWh, retiredWh } = await port.holding(certificateHash, from, signal());
        assert.deepEqual([heldWh, retiredWh], [0n, 0n]);
      }),
    );
  }

  if (declared.includes('settlement') && declared.includes('tokens')) {
    const settling = (scene: Scene<World>) => {
      const { ports, accounts } = scene;
      const [seller, buyer] = accounts;
      const unit = options.ports?.unit ?? '';
      return {
        settle: (tradeId: string, energyUWh: bigint, amount: bigint) =>
          settlementOf(ports).settle(
            { tradeId, seller, buyer, energyUWh, payment: { amount, unit } },
            signal(),
          ),
        /** Tokens of seller and buyer, then money of seller and buyer. */
        balances: async () => [
          await tokensOf(ports).balance(seller, signal()),
          await tokensOf(ports).balance(buyer, signal()),
          await settlementOf(ports).funds(seller, unit, signal()),
          await settlementOf(ports).funds(buyer, unit, signal()),
        ],
        supply: async (energyUWh: bigint, money: bigint) => {
          await scene.done(() =>
            tokensOf(ports).mint({ key: 'm', to: seller, energyUWh }, signal()),
          );
          await options.ports?.fund(scene.world, buyer, money);
        },
      };
    };

    it(
      'settles a trade once: energy one way and money the other',
      onPorts(async (scene) => {
        const { settle, balances, supply } = settling(scene);
        await supply(10n, 100n);
        const { txId } = await scene.done(() => settle('trade-1', 4n, 30n));
        const again = await settle('trade-1', 4n, 30n);
        assert.deepEqual([again.existing, again.txId], [true, txId]);
        await refusesWith('key_conflict', () => settle('trade-1', 4n, 31n));
        await refusesWith('key_conflict', () => settle('trade-1', 5n, 30n));
        assert.deepEqual(await balances(), [6n, 4n, 30n, 70n]);
        await scene.done(() => settle('trade-2', 1n, 0n));
        assert.deepEqual(await balances(), [5n, 5n, 30n, 70n]);
      }),
    );

    it(
      'moves neither energy nor money when one of them is short',
      onPorts(async (scene) => {
        const { settle, balances, supply } = settling(scene);
        await supply(10n, 100n);
        await refusesWith('balance_too_low', () => settle('trade-1', 11n, 1n));
        await refusesWith('balance_too_low', () => settle('trade-1', 1n, 101n));
        assert.deepEqual(await balances(), [10n, 0n, 0n, 100n]);
        await scene.done(() => settle('trade-1', 10n, 100n));
        assert.deepEqual(await balances(), [0n, 10n, 100n, 0n]);
      }),
    );
  }
}

async function untilDone(
  call: () => Promise<LedgerOperation>,
  settle: () => Promise<void>,
): Promise<LedgerOperation> {
  for (let asked = 0; asked < PATIENCE; asked += 1) {
    const operation = await call();
    if (operation.status !== 'pending') return operation;
    await settle();
  }
  return assert.fail(`still pending after ${PATIENCE} blocks`);
}

async function refusesWith(code: PortRefusalCode, call: () => Promise<unknown>): Promise<void> {
  await rejectsWith(code === 'request_invalid' ? 'invalid' : 'rejected', async () => {
    try {
      await call();
    } catch (error) {
      assert.equal((error as { code?: unknown }).code, code, String(error));
      throw error;
    }
  });
}

const tokensOf = ({ tokens }: AnchorPorts) => tokens ?? assert.fail('no port tokens');
const certificatesOf = ({ certificates }: AnchorPorts) =>
  certificates ?? assert.fail('no port certificates');
const settlementOf = ({ settlement }: AnchorPorts) =>
  settlement ?? assert.fail('no port settlement');
