import { Inject, Injectable } from '@nestjs/common';
import { Counter, Histogram, Registry } from 'prom-client';
import { once } from 'node:events';
import type { Gateway } from '../../gateway/gateway.js';
import { GATEWAY } from '../tokens.js';
import { gatewayGauges, type GaugeGroup } from './gateway-gauges.js';

/** Seconds: from an answer out of memory to one that waited for a slow disk. */
const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** How long what the store was asked for stays good: anybody may read `/metrics`, however often. */
const FRESH_MS = 5_000;
/** A part that says nothing by then is left out: a scrape must not hang with the store. */
const ANSWER_WITHIN_MS = 2_000;

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
  private readonly groups: readonly GaugeGroup[];
  private refreshing: Promise<void> | undefined;
  private askedStoreAtMs = Number.NEGATIVE_INFINITY;

  constructor(@Inject(GATEWAY) private readonly gateway: Gateway) {
    this.groups = gatewayGauges(gateway, this.registry);
  }

  /** Everything in Prometheus' text format; what a part cannot say now is left out. */
  async read(): Promise<string> {
    this.refreshing ??= this.refresh().finally(() => {
      this.refreshing = undefined;
    });
    await this.refreshing;
    return this.registry.metrics();
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

  private async refresh(): Promise<void> {
    const nowMs = this.gateway.clock.nowMs();
    const ask = nowMs - this.askedStoreAtMs >= FRESH_MS;
    if (ask) this.askedStoreAtMs = nowMs;
    const late = once(AbortSignal.timeout(ANSWER_WITHIN_MS), 'abort').then(() => {
      throw new Error(`no answer within ${ANSWER_WITHIN_MS} ms`);
    });
    late.catch(() => undefined);
    await Promise.all(
      this.groups.map(async (group) => {
        if (group.asksStore && !ask) return;
        try {
          await Promise.race([group.read(), late]);
        } catch (error) {
          group.reset();
          this.gateway.logger.warn('metrics are incomplete', { group: group.name, error });
        }
      }),
    );
  }
}
