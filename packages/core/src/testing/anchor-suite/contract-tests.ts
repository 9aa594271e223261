import assert from 'node:assert/strict';
import { isPlugin, SPI_VERSION } from '../../spi/index.js';
import { suiteCommitment, suiteIntent, suitePluginContext } from './commitments.js';
import type { SuiteContext } from './suite-context.js';
import { attemptOf, rejectsWith, signal } from './suite-kit.js';

/** What a plugin is before it meets a commitment. */
export function contractTests<World>({ options, it, withAnchor }: SuiteContext<World>): void {
  const { plugin } = options;
  const { capabilities } = plugin;

  it('is an anchor plugin of this SPI version', async () => {
    assert.ok(isPlugin(plugin), 'made by defineAnchor');
    assert.equal(plugin.kind, 'anchor');
    assert.equal(plugin.spi, SPI_VERSION);
    assert.ok(Object.isFrozen(plugin));
  });

  it('declares capabilities that fit together', async () => {
    assert.ok(capabilities.evidence.includes(options.verifier.type), 'evidence has its verifier');
    if (capabilities.exclusion === 'none') assert.equal(capabilities.cost, 'free');
    if (capabilities.reorgs) assert.ok(options.reorg, 'reorgs: the suite needs reorg()');
    if (capabilities.cost === 'paid')
      assert.ok(options.feeFloor, 'paid: the suite needs feeFloor()');
    if (capabilities.exclusion === 'expiry') assert.ok(options.expire, 'the suite needs expire()');
    if (capabilities.bump.length > 0) assert.equal(capabilities.exclusion, 'ledger');
    if (capabilities.bump.length > 1)
      assert.ok(options.keepFirst, 'bump by both: the suite needs keepFirst()');
  });

  it('accepts its configuration and refuses a key it does not know', async () => {
    const world = await options.open();
    const validate = plugin.config['~standard'].validate;
    const valid = options.config(world);
    assert.equal((await validate(valid)).issues, undefined);
    const { issues } = await validate({ ...valid, 'no-such-key': 1 });
    assert.ok(issues && issues.length > 0, 'an unknown key must be an error');
    await options.close?.(world);
  });

  it('is created without asking its ledger', async () => {
    const world = await options.open();
    await options.setDown(world, true);
    const anchor = options.create(world, suitePluginContext());
    assert.equal(typeof anchor.prepare, 'function', 'create answers with an anchor, not a promise');
    await anchor.close();
    await options.setDown(world, false);
    await options.close?.(world);
  });

  it(
    'offers the ports it declares',
    withAnchor(async (anchor) => {
      for (const port of capabilities.ports ?? [])
        assert.ok(anchor.ports?.[port], `ports.${port} is declared`);
    }),
  );

  it(
    'quotes a fee without changing anything',
    withAnchor(async (anchor, world) => {
      const intent = suiteIntent(suiteCommitment(1));
      const { fee } = await anchor.quote(intent, signal());
      assert.equal(typeof fee.amount, 'bigint');
      assert.ok(fee.amount >= 0n);
      assert.deepEqual(await options.confirmed(world, intent.commitment), []);
    }),
  );

  it(
    'calls an unreachable ledger unavailable and itself not ready',
    withAnchor(async (anchor, world) => {
      assert.equal((await anchor.health(signal())).ready, true);
      const attempt = await attemptOf(anchor, suiteIntent(suiteCommitment(1)));
      await options.setDown(world, true);
      assert.equal((await anchor.health(signal())).ready, false);
      await rejectsWith('unavailable', () => anchor.broadcast(attempt, signal()));
      await rejectsWith('unavailable', () => anchor.observe([attempt], signal()));
      await options.setDown(world, false);
      assert.equal((await anchor.health(signal())).ready, true);
      await anchor.broadcast(attempt, signal());
    }),
  );

  it(
    'sends nothing when it was told to stop before',
    withAnchor(async (anchor, world) => {
      // One that no other test sends: some worlds share their ledger.
      const intent = suiteIntent(suiteCommitment(77));
      const attempt = await attemptOf(anchor, intent);
      await rejectsWith('unavailable', () => anchor.broadcast(attempt, AbortSignal.abort()));
      await options.settle(world);
      assert.deepEqual(await options.confirmed(world, intent.commitment), []);
      await anchor.broadcast(attempt, signal());
    }),
  );

  it(
    'closes twice',
    withAnchor(async (anchor) => {
      await anchor.close();
      await anchor.close();
    }),
  );
}
