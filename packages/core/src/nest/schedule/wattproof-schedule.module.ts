import {
  type BeforeApplicationShutdown,
  type DynamicModule,
  Inject,
  Module,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { SchedulerRegistry } from '@nestjs/schedule';
import type { Gateway } from '../../gateway/gateway.js';
import type { Ticker } from '../../jobs/job-table.js';
import { GATEWAY } from '../tokens.js';

/** The registry that holds Wattproof's intervals when the host has none. */
const OWN_REGISTRY = Symbol('wattproof.scheduler-registry');

/**
 * Drives the job table through @nestjs/schedule. `ScheduleModule` itself is not imported: a second one
 * would find the host's own @Cron methods and run them twice. Where the host has one, its registry shows
 * Wattproof's intervals as `wattproof.<job>`.
 */
@Module({})
export class WattproofScheduleModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(
    @Inject(GATEWAY) private readonly gateway: Gateway,
    @Inject(ModuleRef) private readonly modules: ModuleRef,
    @Inject(OWN_REGISTRY) private readonly own: SchedulerRegistry,
  ) {}

  static forRoot(): DynamicModule {
    return {
      module: WattproofScheduleModule,
      providers: [{ provide: OWN_REGISTRY, useFactory: () => new SchedulerRegistry() }],
    };
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.gateway.start();
    const registry = this.registry();
    const ticker: Ticker = (name, periodMs, fire) => {
      const key = `wattproof.${name}`;
      registry.addInterval(key, setInterval(fire, periodMs));
      return () => {
        registry.deleteInterval(key);
      };
    };
    this.gateway.jobs.start(ticker);
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.gateway.jobs.stop();
  }

  private registry(): SchedulerRegistry {
    try {
      return this.modules.get(SchedulerRegistry, { strict: false });
    } catch {
      return this.own;
    }
  }
}
