import { describe, expect, it } from '@jest/globals';
import { silentLogger } from '../../src/gateway/gateway-options.js';
import type { Job } from '../../src/jobs/job.js';
import { JobTable, type Ticker } from '../../src/jobs/job-table.js';
import { MemoryLeases } from '../../src/stores/memory/leases.js';
import { FakeClock } from '../../src/testing/fake-clock.js';

/** Fires only when a test says so. */
class ManualTicker {
  readonly fires = new Map<string, () => void>();
  readonly tick: Ticker = (name, _periodMs, fire) => {
    this.fires.set(name, fire);
    return () => this.fires.delete(name);
  };
}

function replicas(count: number) {
  const clock = new FakeClock();
  const leases = new MemoryLeases(clock);
  const tables = Array.from(
    { length: count },
    (_, index) =>
      new JobTable({
        leases,
        clock,
        logger: silentLogger,
        holder: `replica-${index}`,
        roles: ['batch'],
      }),
  );
  return { clock, tables };
}

const job = (run: Job['run'], more: Partial<Job> = {}): Job => ({
  name: 'work',
  role: 'batch',
  periodMs: 1_000,
  leaseMs: 5_000,
  run,
  ...more,
});

describe('The job table', () => {
  it('runs a job on one replica, period after period, until that replica stops', async () => {
    const { clock, tables } = replicas(2);
    const ran: number[] = [];
    tables.forEach((table, index) => table.add(job(async () => void ran.push(index))));
    for (let period = 0; period < 10; period += 1) {
      for (const table of tables) await table.run('work');
      await clock.advance(1_000);
    }
    expect(ran).toEqual(new Array(10).fill(0));
    expect(tables[1]!.list()[0]).toMatchObject({ runs: 0, heldElsewhere: 10 });
    await tables[0]!.stop();
    expect(await tables[1]!.run('work')).toBe('ran');
  });

  it('hands a job over when its replica died and the lease ran out, and not before', async () => {
    const { clock, tables } = replicas(2);
    for (const table of tables) table.add(job(async () => undefined));
    await tables[0]!.run('work');
    await clock.advance(4_999);
    expect(await tables[1]!.run('work')).toBe('held-elsewhere');
    await clock.advance(1);
    expect(await tables[1]!.run('work')).toBe('ran');
  });

  it('begins no second run while one is under way here', async () => {
    const { tables } = replicas(1);
    let finish = (): void => undefined;
    tables[0]!.add(
      job(
        () =>
          new Promise((resolve) => {
            finish = resolve;
          }),
      ),
    );
    const first = tables[0]!.run('work');
    expect(await tables[0]!.run('work')).toBe('busy');
    await new Promise(setImmediate);
    finish();
    expect(await first).toBe('ran');
  });

  it('drives only the jobs of its roles, those added later too', () => {
    const { tables } = replicas(1);
    const [table] = tables as [JobTable];
    const ticker = new ManualTicker();
    table.add(job(async () => undefined));
    table.add(job(async () => undefined, { name: 'other', role: 'anchor' }));
    table.start(ticker.tick);
    table.add(job(async () => undefined, { name: 'late' }));
    expect([...ticker.fires.keys()]).toEqual(['work', 'late']);
  });

  it('keeps a failure in the status and goes on at the next tick', async () => {
    const { tables } = replicas(1);
    const [table] = tables as [JobTable];
    let fails = true;
    table.add(
      job(async () => {
        if (fails) throw new Error('no node');
      }),
    );
    expect(await table.run('work')).toBe('failed');
    expect(table.list()[0]).toMatchObject({ runs: 1, failures: 1, lastError: 'no node' });
    fails = false;
    expect(await table.run('work')).toBe('ran');
    expect(table.list()[0]?.lastError).toBeUndefined();
  });

  it('tells a run to end when it stops, waits for it, and begins none after', async () => {
    const { tables } = replicas(1);
    const [table] = tables as [JobTable];
    let ended = false;
    table.add(
      job(
        (signal) =>
          new Promise((resolve) => {
            signal.addEventListener('abort', () => {
              ended = true;
              resolve();
            });
          }),
      ),
    );
    const run = table.run('work');
    await new Promise(setImmediate);
    await table.stop();
    expect(ended).toBe(true);
    await run;
    expect(await table.run('work')).toBe('stopped');
  });

  it('refuses two jobs of one name, and a lease that its period outlasts', () => {
    const { tables } = replicas(1);
    tables[0]!.add(job(async () => undefined));
    expect(() => tables[0]!.add(job(async () => undefined))).toThrow('already a job "work"');
    expect(() =>
      tables[0]!.add(job(async () => undefined, { name: 'short', leaseMs: 999 })),
    ).toThrow('must outlast');
  });
});
