import { Inject, Res } from '@nestjs/common';
import { ApiController } from '../api-controller.decorator.js';
import { Metrics } from '../metrics.js';
import { type Reply, send } from '../reply.js';
import { Route } from '../route.decorator.js';

@ApiController()
export class MetricsController {
  constructor(@Inject(Metrics) private readonly metrics: Metrics) {}

  @Route('metrics')
  async read(@Res() reply: Reply): Promise<void> {
    const text = await this.metrics.read();
    send(reply, 200, this.metrics.registry.contentType, text);
  }
}
