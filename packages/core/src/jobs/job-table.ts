import type { Lease, LeaseStore } from '../anchoring/anchor.store.js';
import type { Clock, Logger } from '../spi/index.js';
import type { Job, JobRole, JobStatus } from './job.js';
import { keepLease, type Timer } from './kept-lease.js';

interface Entry {
  readonly job: Job;
  readonly enabled: boolean;
  running: Promise<void> | undefined;
  lease: Lease | undefined;
  /** Ends the run under way. */
  aborter: AbortController | undefined;
  runs: number;
  failures: number;
  heldElsewhere: number;
  lastStartedAtMs: number | undefined;
  lastEndedAtMs: number | undefined;
  lastError: string | undefined;
}

/** Calls `fire` every `periodMs` until the returned function is called. */
export type Ticker = (name: string, periodMs: number, fire: () => void) => () => void;

/**
 * The one table of periodic work. A job with a lease runs on one replica at a time: whoever holds it keeps it
 * from period to period, renews it during a run, and gives it back when it stops. A run whose lease is
 * lost is told to end. Who calls the ticks is the host's choice.
 */
export class JobTable {
  private readonly entries = new Map<string, Entry>();
  private stopped = false;
  private stops: (() => void)[] = [];
  private ticker: Ticker | undefined;

  constructor(
    private readonly parts: {
      readonly leases: LeaseStore;
      readonly clock: Clock;
      readonly timer: Timer;
      readonly logger: Logger;
      /** Names this replica among all. */
      readonly holder: string;
      readonly roles: readonly JobRole[];
    },
  ) {}

  add(job: Job): void {
    if (this.entries.has(job.name)) {
      throw new Error(`There is already a job "${job.name}". Give this one another name.`);
    }
    if (job.leaseMs !== 0 && job.leaseMs < job.periodMs) {
      throw new Error(
        `Job "${job.name}" has a lease of ${job.leaseMs} ms and a period of ${job.periodMs} ms; a lease must outlast its period.`,
      );
    }
    const entry: Entry = {
      job,
      enabled: job.leaseMs === 0 || this.parts.roles.includes(job.role),
      running: undefined,
      lease: undefined,
      aborter: undefined,
      runs: 0,
      failures: 0,
      heldElsewhere: 0,
      lastStartedAtMs: undefined,
      lastEndedAtMs: undefined,
      lastError: undefined,
    };
    this.entries.set(job.name, entry);
    if (this.ticker !== undefined) this.drive(entry, this.ticker);
  }

  /** Begins to drive the jobs of this replica's roles. */
  start(ticker: Ticker): void {
    this.ticker = ticker;
    for (const entry of this.entries.values()) this.drive(entry, ticker);
  }

  /** No run begins any more; those under way are told and waited for; leases are given back. */
  async stop(): Promise<void> {
    for (const stop of this.stops) stop();
    this.stops = [];
    this.stopped = true;
    for (const { aborter } of this.entries.values()) aborter?.abort();
    await Promise.all([...this.entries.values()].map(async (entry) => entry.running));
    for (const entry of this.entries.values()) {
      const { lease } = entry;
      entry.lease = undefined;
      if (lease !== undefined) await this.parts.leases.release(lease).catch(() => undefined);
    }
  }

  /**
   * Runs the job once if no run is under way here and this replica gets the lease. Resolves when that run
   * ended; a failure is kept in its status and never thrown.
   */
  async run(name: string): Promise<'ran' | 'failed' | 'busy' | 'held-elsewhere' | 'stopped'> {
    const entry = this.entries.get(name);
    if (entry === undefined) throw new Error(`There is no job "${name}".`);
    if (this.stopped) return 'stopped';
    if (entry.running !== undefined) return 'busy';
    let outcome: 'ran' | 'failed' | 'held-elsewhere' = 'ran';
    entry.running = this.attempt(entry).then((result) => {
      outcome = result;
      entry.running = undefined;
    });
    await entry.running;
    return outcome;
  }

  list(): readonly JobStatus[] {
    return [...this.entries.values()].map((entry) => {
      const { name, role, periodMs, leaseMs } = entry.job;
      const { enabled, runs, failures, heldElsewhere } = entry;
      const { lastStartedAtMs, lastEndedAtMs, lastError } = entry;
      return {
        name,
        role,
        periodMs,
        leaseMs,
        enabled,
        running: entry.running !== undefined,
        runs,
        failures,
        heldElsewhere,
        ...(lastStartedAtMs === undefined ? {} : { lastStartedAtMs }),
        ...(lastEndedAtMs === undefined ? {} : { lastEndedAtMs }),
        ...(lastError === undefined ? {} : { lastError }),
      };
    });
  }

  private drive(entry: Entry, ticker: Ticker): void {
    if (!entry.enabled) return;
    const { name, periodMs } = entry.job;
    this.stops.push(ticker(name, periodMs, () => void this.run(name)));
  }

  private async attempt(entry: Entry): Promise<'ran' | 'failed' | 'held-elsewhere'> {
    const { leases, clock, logger, holder } = this.parts;
    const { job } = entry;
    const aborter = new AbortController();
    entry.aborter = aborter;
    let kept: ReturnType<typeof keepLease> | undefined;
    try {
      if (job.leaseMs > 0) {
        entry.lease = await leases.acquire(`job:${job.name}`, holder, job.leaseMs);
        if (entry.lease === undefined) {
          entry.heldElsewhere += 1;
          return 'held-elsewhere';
        }
        kept = keepLease(entry.lease, job.leaseMs, this.parts, (reason) => {
          entry.lease = undefined;
          aborter.abort(reason);
        });
      }
      entry.lastStartedAtMs = clock.nowMs();
      entry.runs += 1;
      await job.run(aborter.signal);
      // A run that ended well without its lease may have met another's.
      if (!this.stopped) aborter.signal.throwIfAborted();
      entry.lastError = undefined;
      return 'ran';
    } catch (error) {
      if (this.stopped) return 'failed';
      entry.failures += 1;
      const reason = error instanceof Error ? error.message : String(error);
      // A job that fails alike at every tick is told once; its status counts on.
      const level = reason === entry.lastError ? 'debug' : 'error';
      entry.lastError = reason;
      logger[level]('job failed', { job: job.name, error });
      return 'failed';
    } finally {
      kept?.release();
      entry.aborter = undefined;
      entry.lastEndedAtMs = clock.nowMs();
    }
  }
}
