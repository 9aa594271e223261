import { Inject, Req, Res } from '@nestjs/common';
import type { Gateway } from '../../../gateway/gateway.js';
import { GATEWAY } from '../../tokens.js';
import { ApiController } from '../api-controller.decorator.js';
import { type Reply, sendJson } from '../reply.js';
import { Route } from '../route.decorator.js';

@ApiController()
export class HealthController {
  constructor(@Inject(GATEWAY) private readonly gateway: Gateway) {}

  @Route('health')
  async health(@Res() reply: Reply): Promise<void> {
    const { ready, parts } = await this.gateway.health.all();
    sendJson(
      reply,
      {
        status: ready ? 'ok' : 'unavailable',
        origin: this.gateway.origin,
        durability: this.gateway.store.durability,
        // The parts' own words may name hosts and balances; those are for GET /api/v1/plugins.
        parts: Object.fromEntries(
          parts.map(({ name, health }) => [name, { live: health.live, ready: health.ready }]),
        ),
      },
      ready ? 200 : 503,
    );
  }

  @Route('healthLive')
  live(@Res() reply: Reply): void {
    // Answering is the proof: what restarting would not help must not make it restart.
    sendJson(reply, { status: 'ok' });
  }

  @Route('healthReady')
  async ready(@Req() _request: object, @Res() reply: Reply): Promise<void> {
    const { ready } = await this.gateway.health.all();
    sendJson(reply, { status: ready ? 'ok' : 'unavailable' }, ready ? 200 : 503);
  }
}
