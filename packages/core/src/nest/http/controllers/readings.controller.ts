import { Inject, Req, Res } from '@nestjs/common';
import type { Gateway } from '../../../gateway/gateway.js';
import { statusOfItem } from '../../../ingestion/verdict-codes.js';
import { GATEWAY } from '../../tokens.js';
import { ApiController } from '../api-controller.decorator.js';
import { type HttpMessageRequest, inboundMessage } from '../inbound-message.js';
import { Metrics } from '../metrics.js';
import { problemOfAnswer, problemOfItem } from '../ingest-problem.js';
import { type Reply, sendJson } from '../reply.js';
import { Route } from '../route.decorator.js';

@ApiController()
export class ReadingsController {
  constructor(
    @Inject(GATEWAY) private readonly gateway: Gateway,
    @Inject(Metrics) private readonly metrics: Metrics,
  ) {}

  @Route('createReadings')
  async create(@Req() request: HttpMessageRequest, @Res() reply: Reply): Promise<void> {
    const answer = await this.gateway.ingestion.accept(inboundMessage(request, this.gateway.clock.nowMs()));
    if (answer.kind !== 'items') throw problemOfAnswer(answer);
    this.metrics.readings(answer.items);
    const [only] = answer.items;
    if (only === undefined || answer.form === 'many') {
      sendJson(reply, answer.items);
      return;
    }
    if (only.verdict !== 'rejected') {
      sendJson(reply, only, statusOfItem(only));
      return;
    }
    throw problemOfItem(only);
  }
}
