import { Inject, Injectable } from '@nestjs/common';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Gateway } from '../../gateway/gateway.js';
import { GATEWAY } from '../tokens.js';

/** Seconds: from an answer out of memory to one that waited for a slow disk. */
const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** What Prometheus reads. One registry per gateway, so that two in a process do not mix. */
@Injectable()
export class Metrics {
  readonly registry = new Registry();

  private readonly duration = new Histogram({
    name: 'wattproof_http_request_duration_seconds',
    help: 'Time from the start of a request to the end of its answer.',
    labelNames: ['route', 'status'],
    buckets: DURATION_BUCKETS,
    registers: [this.registry],
  });
  private readonly verdicts = new Counter({
    name: 'wattproof_readings_total',
    help: 'Readings answered over HTTP, by verdict.',
    labelNames: ['verdict'],
    registers: [this.registry],
  });

  constructor(@Inject(GATEWAY) private readonly gateway: Gateway) {
    this.unsealed();
    this.jobs();
    this.parts();
  }

  request(route: string, status: number, seconds: number): void {
    this.duration.observe({ route, status }, seconds);
  }

  /** Counted per message first: a batch has a thousand items and few verdicts. */
  readings(items: readonly { readonly verdict: string }[]): void {
    const counts = new Map<string, number>();
    for (const { verdict } of items) counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
    for (const [verdict, count] of counts) this.verdicts.inc({ verdict }, count);
  }

  private unsealed(): void {
    const { gateway } = this;
    const age = new Gauge({
      name: 'wattproof_unsealed_oldest_age_seconds',
      help: 'Age of the oldest entry that waits for a batch; 0 when none waits.',
      registers: [this.registry],
    });
    const waiting: Gauge<'source'> = new Gauge({
      name: 'wattproof_unsealed_entries',
      help: 'Entries that wait for a batch.',
      labelNames: ['source'],
      registers: [this.registry],
      async collect() {
        const { external, system, oldestReceivedAtMs } = await gateway.store.entries.unsealed();
        this.set({ source: 'external' }, external);
        this.set({ source: 'system' }, system);
        age.set(
          oldestReceivedAtMs === undefined
            ? 0
            : (gateway.clock.nowMs() - oldestReceivedAtMs) / 1000,
        );
      },
    });
    waiting.set({ source: 'external' }, 0);
  }

  private jobs(): void {
    const { gateway } = this;
    const failures = new Gauge({
      name: 'wattproof_job_failures',
      help: 'Failed runs of a job on this replica since it started.',
      labelNames: ['job'],
      registers: [this.registry],
    });
    new Gauge({
      name: 'wattproof_job_runs',
      help: 'Runs of a job on this replica since it started.',
      labelNames: ['job'],
      registers: [this.registry],
      collect() {
        for (const job of gateway.jobs.list()) {
          this.set({ job: job.name }, job.runs);
          failures.set({ job: job.name }, job.failures);
        }
      },
    });
  }

  private parts(): void {
    const { gateway } = this;
    new Gauge({
      name: 'wattproof_part_ready',
      help: '1 when a part of the gateway can do its work, else 0.',
      labelNames: ['part'],
      registers: [this.registry],
      async collect() {
        const { parts } = await gateway.health.all();
        for (const { name, health } of parts) this.set({ part: name }, health.ready ? 1 : 0);
      },
    });
  }
}
