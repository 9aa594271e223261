import { Inject, Param, Query, Req, Res } from '@nestjs/common';
import { z } from 'zod';
import { meterDocument } from '../../../gateway/documents/meter-document.js';
import {
  evidenceDocument,
  quarantineDocument,
} from '../../../gateway/documents/quarantine-document.js';
import type { Gateway } from '../../../gateway/gateway.js';
import { QUARANTINE_STATES, type QuarantineItem } from '../../../quarantine/quarantine.store.js';
import { GATEWAY } from '../../tokens.js';
import { ApiController } from '../api-controller.decorator.js';
import { jsonBody } from '../body.js';
import { actorOf, visibleAccount } from '../principal.js';
import { notFound } from '../problem.js';
import { nextLink, oneOf, pageQuery, type Query as QueryValues, text } from '../query.js';
import type { RequestWithBody } from '../raw-body.js';
import { type Reply, sendJson } from '../reply.js';
import { Route } from '../route.decorator.js';

/** Body of a decision. The log quotes it. */
const Decision = z.strictObject({
  reason: z
    .string()
    .regex(/^[^\p{Cc}\p{Cs}]{1,1024}$/u, 'must have 1 to 1024 characters without controls'),
});

@ApiController()
export class QuarantineController {
  constructor(@Inject(GATEWAY) private readonly gateway: Gateway) {}

  @Route('reviewQuarantine')
  async review(
    @Req() request: { readonly url: string },
    @Query() query: QueryValues,
    @Res() reply: Reply,
  ): Promise<void> {
    await this.list(request, query, text(query, 'account_id'), reply);
  }

  @Route('listQuarantine')
  async own(
    @Req() request: { readonly url: string },
    @Query() query: QueryValues,
    @Res() reply: Reply,
  ): Promise<void> {
    await this.list(request, query, visibleAccount(request), reply);
  }

  @Route('getHeldReading')
  async get(@Req() request: object, @Param('id') id: string, @Res() reply: Reply): Promise<void> {
    const { quarantine, store } = this.gateway;
    const account = visibleAccount(request);
    const item = await quarantine.get(id);
    if (item === undefined || (account !== undefined && item.accountId !== account))
      throw notFound('quarantine_not_found', 'No held reading has this id');
    const found = await Promise.all([id, ...item.others].map((one) => store.entries.get(one)));
    const entries = found.flatMap((entry) =>
      entry === undefined || (account !== undefined && entry.accountId !== account) ? [] : entry,
    );
    const seen = new Set(entries.map((entry) => entry.id));
    sendJson(reply, {
      ...quarantineDocument(item, (one) => seen.has(one)),
      evidence: entries.map(evidenceDocument),
    });
  }

  @Route('releaseReading')
  async release(
    @Req() request: RequestWithBody,
    @Param('id') id: string,
    @Res() reply: Reply,
  ): Promise<void> {
    const { reason } = jsonBody(request, Decision);
    await this.answer(reply, await this.gateway.quarantine.release(id, actorOf(request), reason));
  }

  @Route('rejectReading')
  async reject(
    @Req() request: RequestWithBody,
    @Param('id') id: string,
    @Res() reply: Reply,
  ): Promise<void> {
    const { reason } = jsonBody(request, Decision);
    await this.answer(reply, await this.gateway.quarantine.reject(id, actorOf(request), reason));
  }

  @Route('resumeMinting')
  async resumeMinting(
    @Req() request: RequestWithBody,
    @Param('id') id: string,
    @Res() reply: Reply,
  ): Promise<void> {
    const { reason } = jsonBody(request, Decision);
    const { minting, clock } = this.gateway;
    const meter = await minting.resume(id, actorOf(request), reason);
    sendJson(reply, meterDocument(meter, { nowMs: clock.nowMs() }));
  }

  private async answer(reply: Reply, item: QuarantineItem): Promise<void> {
    const receipt = await this.gateway.quarantine.receipt(item.entryId);
    sendJson(reply, { ...quarantineDocument(item), receipt: receipt ?? null });
  }

  private async list(
    request: { readonly url: string },
    query: QueryValues,
    accountId: string | undefined,
    reply: Reply,
  ): Promise<void> {
    const state = oneOf(query, 'state', QUARANTINE_STATES);
    const reason = text(query, 'reason', 64);
    const meterId = text(query, 'meter_id');
    const { items, cursor } = await this.gateway.quarantine.list({
      ...pageQuery(query),
      ...(state === undefined ? {} : { state }),
      ...(reason === undefined ? {} : { reason }),
      ...(meterId === undefined ? {} : { meterId }),
      ...(accountId === undefined ? {} : { accountId }),
    });
    // Whom else a reading stands against is for those to know who may see both.
    const all = visibleAccount(request) === undefined;
    const listed = items.map((item) => quarantineDocument(item, () => all));
    sendJson(reply, listed, 200, nextLink(request.url, cursor));
  }
}
