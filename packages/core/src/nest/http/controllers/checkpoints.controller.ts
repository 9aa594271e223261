import { Inject, Param, Query, Res } from '@nestjs/common';
import type { Gateway } from '../../../gateway/gateway.js';
import { GATEWAY } from '../../tokens.js';
import { ApiController } from '../api-controller.decorator.js';
import { notFound } from '../problem.js';
import { integer, type Query as QueryValues } from '../query.js';
import { type Reply, send, sendJson } from '../reply.js';
import { Route } from '../route.decorator.js';

const NOTE_CONTENT_TYPE = 'text/plain; charset=utf-8';

/** What an auditor who trusts nobody begins with: open to everyone. */
@ApiController()
export class CheckpointsController {
  constructor(@Inject(GATEWAY) private readonly gateway: Gateway) {}

  @Route('latestCheckpoint')
  async latest(@Res() reply: Reply): Promise<void> {
    const note = await this.gateway.proofs.checkpoint('latest');
    if (note === undefined) {
      throw notFound(
        'checkpoint_not_found',
        'No batch has been sealed yet, so there is no checkpoint.',
      );
    }
    send(reply, 200, NOTE_CONTENT_TYPE, note);
  }

  @Route('consistency')
  async consistency(@Query() query: QueryValues, @Res() reply: Reply): Promise<void> {
    const head = await this.gateway.store.batches.head();
    const size = head === undefined ? 0 : head.number + 1;
    if (size === 0) {
      throw notFound(
        'checkpoint_not_found',
        'No batch has been sealed yet, so there is no checkpoint.',
      );
    }
    const to = integer(query, 'to', { min: 1, max: size, default: size });
    const from = integer(query, 'from', { min: 1, max: to });
    sendJson(reply, { from, to, hashes: await this.gateway.proofs.consistency(from, to) });
  }

  @Route('checkpoint')
  async bySize(@Param('size') size: string, @Res() reply: Reply): Promise<void> {
    const number = integer({ size }, 'size', { min: 1, max: Number.MAX_SAFE_INTEGER });
    const note = await this.gateway.proofs.checkpoint(number);
    if (note === undefined) {
      throw notFound('checkpoint_not_found', `There is no signed checkpoint of size ${number}.`);
    }
    send(reply, 200, NOTE_CONTENT_TYPE, note);
  }

  @Route('logKeys')
  keys(@Res() reply: Reply): void {
    sendJson(reply, this.gateway.logKeys.document());
  }
}
