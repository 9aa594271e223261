import { AnchorError } from '../../src/spi/index.js';
import {
  AnchorWatch,
  CONDITIONS,
  keptConditions,
  UnknownAnchor,
} from '../../src/anchoring/index.js';
import { FakeLedger } from '../../src/testing/fake-ledger/index.js';
import { ANCHOR, EngineWorld, type EngineWorldOptions, silent } from './engine-world.js';

const { signal } = new AbortController();
const DAY_MS = 86_400_000;

async function watched(options: EngineWorldOptions = {}) {
  const world = new EngineWorld(options);
  const kept = await world.store.collections(CONDITIONS.owner, CONDITIONS.collections);
  const said: string[] = [];
  const say = (message: string, fields?: object): void => {
    said.push(`${message} ${(fields as { alert?: string } | undefined)?.alert ?? ''}`);
  };
  const restart = () =>
    new AnchorWatch({
      store: world.store.anchors,
      conditions: keptConditions(kept),
      clock: world.clock,
      logger: { ...silent, warn: say, info: say },
      anchors: world.anchors,
      tell: (events) => world.store.outbox.tell(events),
    });
  const alerts = async (watch = restart()) =>
    (await watch.check(ANCHOR, signal)).alerts.map(({ code, sinceMs }) => [
      code,
      sinceMs - 1_700_000_000_000,
    ]);
  return { world, restart, alerts, said };
}

describe('what an anchor needs a person for', () => {
  it('is nothing while all is well, and nothing is known before the first look', async () => {
    const { world, restart, alerts } = await watched();
    expect(await restart().condition(ANCHOR)).toBeUndefined();
    await world.enqueue(1);
    await world.step(6);
    expect(await alerts()).toEqual([]);
    expect(await restart().condition(ANCHOR)).toEqual({
      checkedAtMs: world.clock.ms,
      alerts: [],
      funds: { fee: { amount: 100n, unit: 'grain' }, balance: 999_900n },
    });
    await expect(restart().check('nowhere', signal)).rejects.toThrow(UnknownAnchor);
  });

  it('stuck: a checkpoint that nothing covers is past its deadline, since that moment', async () => {
    const { world, alerts } = await watched({ policy: { maxBumps: 0, deadlineMs: DAY_MS } });
    await world.enqueue(1);
    await world.drive();
    world.clock.ms += DAY_MS - 1;
    expect(await alerts()).toEqual([]);
    world.clock.ms += 10_000;
    await world.enqueue(2);
    expect(await alerts()).toEqual([['stuck', DAY_MS]]);
    world.ledger.mine();
    await world.drive();
    expect(await alerts()).toEqual([]);
  });

  it('is told to subscribers when it begins, and once', async () => {
    const { world, alerts } = await watched({ policy: { maxBumps: 0, deadlineMs: DAY_MS } });
    await world.enqueue(1);
    await world.drive();
    world.clock.ms += DAY_MS + 1;
    await alerts();
    await alerts();
    const events = await world.store.outbox.read('watcher', ['anchor.alert'], 9);
    expect(events.map(({ data }) => [data['anchor'], data['alert']])).toEqual([[ANCHOR, 'stuck']]);
    expect(events[0]?.data['detail']).toMatch(/^checkpoint 1 is .* past its deadline/);
  });

  it('stuck: also what is included, when the ledger does not answer about it', async () => {
    let blind = false;
    const { world, alerts, restart } = await watched({
      policy: { deadlineMs: DAY_MS, coalesce: false },
      change: (anchor) => ({
        observe: async (attempts, abort) => {
          if (blind && attempts.length > 0) throw new AnchorError('unavailable', 'pruned');
          return anchor.observe(attempts, abort);
        },
      }),
    });
    await world.enqueue(1);
    await world.step(2);
    blind = true;
    world.clock.ms += DAY_MS;
    await world.drive();
    expect(await alerts()).toEqual([['stuck', DAY_MS]]);
    const [stuck] = (await restart().condition(ANCHOR))?.alerts ?? [];
    expect(stuck?.detail).toBe(
      'checkpoint 1 is included and past its deadline: unavailable: pruned',
    );
    blind = false;
    world.clock.ms += DAY_MS;
    await world.step(3);
    expect(await alerts()).toEqual([]);
  });

  it('capped: since it was first seen, over a restart, until the cap no longer holds it', async () => {
    const { world, alerts, said } = await watched({ policy: { maxFeePerIntent: 50 } });
    await world.enqueue(1);
    await world.drive();
    const sinceMs = world.clock.ms - 1_700_000_000_000;
    expect(await alerts()).toEqual([['capped', sinceMs]]);
    world.clock.ms += 90_000;
    expect(await alerts()).toEqual([['capped', sinceMs]]);
    Object.assign(world.instance.policy, { maxFeePerIntent: 500n });
    await world.step(2);
    expect(await alerts()).toEqual([]);
    expect(said).toEqual(['An anchor needs a person. capped', 'An anchor is well again. capped']);
  });

  it('capped, also behind more waiting checkpoints than one look reads, and so is its health', async () => {
    const { world, alerts } = await watched({ policy: { maxFeePerIntent: 50, batchSize: 2 } });
    await world.enqueue(1, 2, 3, 4, 5, 6);
    await world.drive();
    expect((await alerts()).map(([code]) => code)).toEqual(['capped']);
    const health = await world.engine.health(ANCHOR, signal);
    expect(health.detail).toContain('checkpoint 6 is capped');
  });

  it('low_balance: the balance pays for few anchors, or the ledger says that it pays for none', async () => {
    const ledger = new FakeLedger({ exclusion: 'ledger', balance: 1_950n });
    const { world, alerts, restart } = await watched({ ledger });
    expect(await alerts()).toEqual([]);
    await world.enqueue(1);
    expect(await alerts()).toEqual([['low_balance', 1]]);
    const [low] = (await restart().condition(ANCHOR))?.alerts ?? [];
    expect(low?.detail).toBe('the balance of 1950 grain pays for 19 more anchors');
    const empty = await watched({
      change: () => ({
        quote: async () => {
          throw new AnchorError('insufficient-funds', 'the address has no coin');
        },
      }),
    });
    await empty.world.enqueue(1);
    const { alerts: none } = await empty.restart().check(ANCHOR, signal);
    expect(none).toMatchObject([{ code: 'low_balance', detail: 'the address has no coin' }]);
  });

  it('unreachable: the ledger does not answer, also while nothing is being published', async () => {
    const { world, alerts } = await watched({
      change: (anchor) => ({
        health: async (abort) => {
          if (world.clock.ms < 1_700_000_060_000) throw new TypeError('socket closed');
          return anchor.health(abort);
        },
      }),
    });
    expect(await alerts()).toEqual([['unreachable', 0]]);
    world.clock.ms += 60_000;
    expect(await alerts()).toEqual([]);
    world.ledger.setDown(true);
    expect(await alerts()).toEqual([['unreachable', 60_000]]);
  });
});
