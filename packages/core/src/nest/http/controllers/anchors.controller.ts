import { Inject, Param, Req, Res } from '@nestjs/common';
import { UnknownAnchor } from '../../../anchoring/index.js';
import { anchorOverview } from '../../../gateway/anchor-overview.js';
import { anchorOverviewDocument } from '../../../gateway/documents/anchor-overview-document.js';
import type { Gateway } from '../../../gateway/gateway.js';
import { type AnchorOperation, operateAnchor } from '../../../gateway/operate-anchor.js';
import { GATEWAY } from '../../tokens.js';
import { ApiController } from '../api-controller.decorator.js';
import { instant } from '../instant.js';
import { callerOf } from '../principal.js';
import { type Reply, sendJson } from '../reply.js';
import { Route } from '../route.decorator.js';

/** Days of costs that are told. */
const COST_DAYS = 30;
const DAY_MS = 86_400_000;
/** How long an operation may wait for its turn and for the ledger. */
const OPERATE_WITHIN_MS = 30_000;
/** Open checkpoints in the answer to an operation, the newest among them. */
const SHOWN_OPEN = 20;

/** The ledgers, for the people who pay for them. */
@ApiController()
export class AnchorsController {
  constructor(@Inject(GATEWAY) private readonly gateway: Gateway) {}

  @Route('anchors')
  async list(@Res() reply: Reply): Promise<void> {
    const { anchoring, store, clock } = this.gateway;
    const nowMs = clock.nowMs();
    const today = Math.floor(nowMs / DAY_MS) * DAY_MS;
    const documents = [];
    for (const [id, instance] of anchoring.anchors) {
      const overview = await anchorOverview(id, instance, this.gateway);
      const costs = await store.anchors.costs(id, today - (COST_DAYS - 1) * DAY_MS);
      documents.push(anchorOverviewDocument(overview, costs, nowMs));
    }
    sendJson(reply, documents);
  }

  @Route('retryAnchor')
  async retry(@Req() request: object, @Param('id') id: string, @Res() reply: Reply): Promise<void> {
    await this.operate('retry', id, request, reply);
  }

  @Route('bumpAnchor')
  async bump(@Req() request: object, @Param('id') id: string, @Res() reply: Reply): Promise<void> {
    await this.operate('bump', id, request, reply);
  }

  @Route('recheckAnchor')
  async recheck(
    @Req() request: object,
    @Param('id') id: string,
    @Res() reply: Reply,
  ): Promise<void> {
    await this.operate('recheck', id, request, reply);
  }

  private async operate(
    operation: AnchorOperation,
    anchor: string,
    request: object,
    reply: Reply,
  ): Promise<void> {
    const { anchoring, store, logger } = this.gateway;
    if (!anchoring.anchors.has(anchor)) throw new UnknownAnchor(anchor, anchoring.anchors.keys());
    const finals = (await store.anchors.totals(anchor)).intents.get('final') ?? 0;
    const signal = AbortSignal.timeout(OPERATE_WITHIN_MS);
    const asked = { operation, anchor, principal: callerOf(request)?.id ?? 'nobody' };
    logger.info('An operator asks an anchor for something.', asked);
    const report = await operateAnchor(operation, anchor, finals, anchoring.engine, signal);
    logger.info('What an operator asked of an anchor is done.', { ...asked, ...report });
    const open = await store.anchors.due(anchor, SHOWN_OPEN);
    sendJson(reply, {
      anchor,
      operation,
      looked_at: report.open,
      changed: report.progressed,
      open: open.map(({ commitment, state, attempts, reason, retryAtMs }) => ({
        size: Number(commitment.size),
        state,
        attempts: attempts.length,
        reason: reason ?? null,
        retry_at: instant(retryAtMs),
      })),
    });
  }
}
