import { describe, expect, it, jest } from '@jest/globals';
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

function timerOf(clock: FakeClock) {
  return (ms: number, fire: () => void): (() => void) => {
    const aborter = new AbortController();
    void clock.wait(ms, aborter.signal).then(fire, () => undefined);
    return () => aborter.abort();
  };
}

/** A job that runs until it is told to end, or finished by hand. */
function longJob() {
  const signals: AbortSignal[] = [];
  let finish = (): void => undefined;
  const run: Job['run'] = (signal) => {
    signals.push(signal);
    return new Promise((resolve) => {
      finish = resolve;
      signal.addEventListener('abort', () => resolve());
    });
  };
  return { run, signals, finish: () => finish() };
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
        timer: timerOf(clock),
        logger: silentLogger,
        holder: `replica-${index}`,
        roles: ['batch'],
      }),
  );
  return { clock, leases, tables };
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

  it('runs a job without a lease on every replica, whatever its roles', async () => {
    const { leases, tables } = replicas(2);
    const asked = jest.spyOn(leases, 'acquire');
    const ran: number[] = [];
    const ticker = new ManualTicker();
    tables.forEach((table, index) => {
      table.add(job(async () => void ran.push(index), { leaseMs: 0, role: 'match' }));
    });
    tables[1]!.start(ticker.tick);
    expect([...ticker.fires.keys()]).toEqual(['work']);
    for (const table of tables) expect(await table.run('work')).toBe('ran');
    expect(ran).toEqual([0, 1]);
    expect(asked).not.toHaveBeenCalled();
    await tables[1]!.stop();
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

  it('keeps its lease during a run of many terms, and asks for it no more afterwards', async () => {
    const { clock, leases, tables } = replicas(2);
    const long = longJob();
    for (const table of tables) table.add(job(long.run));
    const run = tables[0]!.run('work');
    await clock.advance(0);
    const renewals = jest.spyOn(leases, 'renew');
    for (let term = 0; term < 4; term += 1) {
      await clock.advance(5_000);
      expect(await tables[1]!.run('work')).toBe('held-elsewhere');
    }
    // Every third of the term: 1667 ms.
    expect(renewals).toHaveBeenCalledTimes(11);
    long.finish();
    expect(await run).toBe('ran');
    expect(clock.pending).toBe(0);
    expect(long.signals.map(({ aborted }) => aborted)).toEqual([false]);
  });

  it('tells a run to end when another replica took its lease', async () => {
    const { clock, leases, tables } = replicas(2);
    const long = longJob();
    for (const table of tables) table.add(job(long.run));
    const run = tables[0]!.run('work');
    await clock.advance(0);
    await leases.release({ name: 'job:work', holder: 'replica-0', fence: 1n });
    const other = tables[1]!.run('work');
    await clock.advance(1_667);
    expect(await run).toBe('failed');
    expect(long.signals.map(({ aborted }) => aborted)).toEqual([true, false]);
    expect(tables[0]!.list()[0]).toMatchObject({ failures: 1, running: false });
    expect(tables[0]!.list()[0]?.lastError).toContain('another replica took it');
    await tables[0]!.stop();
    long.finish();
    expect(await other).toBe('ran');
  });

  it('tells a run to end when the store has not renewed its lease within the term, and not before', async () => {
    const { clock, leases, tables } = replicas(1);
    const long = longJob();
    tables[0]!.add(job(long.run));
    const run = tables[0]!.run('work');
    await clock.advance(0);
    const renew = jest.spyOn(leases, 'renew').mockRejectedValue(new Error('no route'));
    await clock.advance(1_667);
    renew.mockRestore();
    await clock.advance(1_667);
    // Renewed at the second try; from here on the store is silent.
    jest.spyOn(leases, 'renew').mockReturnValue(new Promise(() => undefined));
    await clock.advance(4_999);
    expect(long.signals[0]?.aborted).toBe(false);
    await clock.advance(2);
    expect(await run).toBe('failed');
    expect(tables[0]!.list()[0]?.lastError).toContain('within its term');
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
