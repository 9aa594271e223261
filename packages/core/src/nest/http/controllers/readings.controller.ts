import { Inject, Req, Res } from '@nestjs/common';
import type { Gateway } from '../../../gateway/gateway.js';
import { statusOfItem } from '../../../ingestion/verdict-codes.js';
import { GATEWAY } from '../../tokens.js';
import { ApiController } from '../api-controller.decorator.js';
import { ClientCertificates } from '../client-certificates.js';
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
    @Inject(ClientCertificates) private readonly certificates: ClientCertificates,
  ) {}

  @Route('createReadings')
  async create(@Req() request: HttpMessageRequest, @Res() reply: Reply): Promise<void> {
    const { clock, ingestion } = this.gateway;
    const certified = this.certificates.keyOf(request, clock.nowMs());
    const answer = await ingestion.accept(inboundMessage(request, certified));
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
