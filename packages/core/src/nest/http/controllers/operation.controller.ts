import { Inject, Res } from '@nestjs/common';
import type { Gateway } from '../../../gateway/gateway.js';
import { SPI_VERSION } from '../../../spi/index.js';
import { GATEWAY } from '../../tokens.js';
import { ApiController } from '../api-controller.decorator.js';
import { type Reply, sendJson } from '../reply.js';
import { Route } from '../route.decorator.js';
import { instant } from '../instant.js';

/** What runs inside, for the people who run it. */
@ApiController()
export class OperationController {
  constructor(@Inject(GATEWAY) private readonly gateway: Gateway) {}

  @Route('plugins')
  async plugins(@Res() reply: Reply): Promise<void> {
    const { store, plugins } = this.gateway;
    const { parts } = await this.gateway.health.all();
    const healthOf = new Map(parts.map(({ name, health }) => [name, health]));
    sendJson(reply, {
      spi: SPI_VERSION,
      store: { kind: store.kind, durability: store.durability, health: healthOf.get('store') },
      plugins: plugins.map(({ instanceId, kind, capabilities, loaded }) => ({
        instance: instanceId,
        kind,
        package: loaded.package?.name ?? loaded.entry.use,
        name: loaded.plugin.name,
        version: loaded.package?.version ?? null,
        spi: loaded.plugin.spi,
        capabilities,
        health: healthOf.get(`${kind} ${instanceId}`) ?? null,
      })),
    });
  }

  @Route('jobs')
  jobs(@Res() reply: Reply): void {
    sendJson(
      reply,
      this.gateway.jobs.list().map((job) => ({
        name: job.name,
        role: job.role,
        period_ms: job.periodMs,
        lease_ms: job.leaseMs,
        enabled: job.enabled,
        running: job.running,
        runs: job.runs,
        failures: job.failures,
        held_elsewhere: job.heldElsewhere,
        last_started_at: instant(job.lastStartedAtMs),
        last_ended_at: instant(job.lastEndedAtMs),
        last_error: job.lastError ?? null,
      })),
    );
  }
}
