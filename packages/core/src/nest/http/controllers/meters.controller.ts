import { Inject, Param, Query, Req, Res } from '@nestjs/common';
import { z } from 'zod';
import { everOwnedBy } from '../../../devices/meter-ownership.js';
import { MeterAllowance } from '../../../devices/meter-registration.js';
import type { StoredMeter } from '../../../devices/meter.store.js';
import { meterDocument } from '../../../gateway/documents/meter-document.js';
import type { Gateway } from '../../../gateway/gateway.js';
import { GATEWAY } from '../../tokens.js';
import { ApiController } from '../api-controller.decorator.js';
import { jsonBody } from '../body.js';
import { instant } from '../instant.js';
import { networkOf } from '../network-of.js';
import { actorOf, callerOf, visibleAccount } from '../principal.js';
import { notFound, Problem } from '../problem.js';
import { nextLink, oneOf, pageQuery, type Query as QueryValues } from '../query.js';
import type { RequestWithBody } from '../raw-body.js';
import { type Reply, sendJson } from '../reply.js';
import { Route } from '../route.decorator.js';

/** A registration whose members are all as long as they may be fits, every character escaped. */
const REGISTRATION_BYTES = 24_576;

const METER_STATES = ['pending', 'active', 'suspended', 'retired'] as const;

@ApiController()
export class MetersController {
  constructor(@Inject(GATEWAY) private readonly gateway: Gateway) {}

  @Route('meterChallenge')
  async challenge(@Req() request: { readonly ip?: string }, @Res() reply: Reply): Promise<void> {
    const source = callerOf(request) === undefined ? networkOf(request.ip) : undefined;
    const { nonce, expiresAtMs } = await this.gateway.meters.challenge(source);
    const { origin } = this.gateway;
    sendJson(reply, { nonce, origin, expires_at: instant(expiresAtMs) }, 200, {
      'cache-control': 'no-store',
    });
  }

  @Route('registerMeter')
  async register(@Req() request: RequestWithBody, @Res() reply: Reply): Promise<void> {
    // The service checks the members itself, so that every way of registering refuses alike.
    const body = jsonBody(request, z.unknown(), REGISTRATION_BYTES);
    const caller = callerOf(request);
    if (caller?.meterId !== undefined)
      throw new Problem(
        403,
        'device_key_limited',
        'A device key speaks for its own meter and registers none.',
      );
    const account = caller?.accountId ?? this.gateway.defaultAccount;
    const meter = await this.gateway.meters.register(body, account, caller?.id);
    sendJson(reply, meterDocument(meter, this.seen(account)), 201);
  }

  @Route('listMeters')
  async list(
    @Req() request: { readonly url: string },
    @Query() query: QueryValues,
    @Res() reply: Reply,
  ): Promise<void> {
    await this.answerList(request, query, reply, visibleAccount(request));
  }

  @Route('getMeter')
  async get(@Req() request: object, @Param('id') id: string, @Res() reply: Reply): Promise<void> {
    const meter = await this.gateway.store.meters.get(id);
    const account = visibleAccount(request);
    if (meter === undefined || (account !== undefined && !everOwnedBy(meter, account))) {
      throw notFound('meter_not_found', 'Meter not found');
    }
    sendJson(reply, meterDocument(meter, this.seen(account)));
  }

  @Route('reviewMeters')
  async review(
    @Req() request: { readonly url: string },
    @Query() query: QueryValues,
    @Res() reply: Reply,
  ): Promise<void> {
    await this.answerList(request, query, reply, undefined);
  }

  @Route('stateMeter')
  async state(@Req() request: RequestWithBody, @Res() reply: Reply): Promise<void> {
    const body = jsonBody(request, z.unknown(), REGISTRATION_BYTES);
    const meter = await this.gateway.meters.state(body, actorOf(request));
    sendJson(reply, meterDocument(meter, this.seen(undefined)), 201);
  }

  @Route('allowMeters')
  async allow(@Req() request: RequestWithBody, @Res() reply: Reply): Promise<void> {
    const { meter_ids: ids, allowed } = jsonBody(request, MeterAllowance);
    const changed = await this.gateway.meters.setAllowed(ids, allowed, actorOf(request));
    sendJson(reply, { allowed, changed });
  }

  @Route('approveMeter')
  async approve(
    @Req() request: object,
    @Param('id') id: string,
    @Res() reply: Reply,
  ): Promise<void> {
    const { meters, store } = this.gateway;
    const suspended = (await store.meters.get(id))?.state === 'suspended';
    this.sendMeter(
      reply,
      await (suspended
        ? meters.resume(id, actorOf(request))
        : meters.approve(id, actorOf(request))),
    );
  }

  @Route('rejectMeter')
  async reject(
    @Req() request: object,
    @Param('id') id: string,
    @Res() reply: Reply,
  ): Promise<void> {
    this.sendMeter(reply, await this.gateway.meters.reject(id, actorOf(request)));
  }

  @Route('suspendMeter')
  async suspend(
    @Req() request: object,
    @Param('id') id: string,
    @Res() reply: Reply,
  ): Promise<void> {
    this.sendMeter(reply, await this.gateway.meters.suspend(id, actorOf(request)));
  }

  private async answerList(
    request: { readonly url: string },
    query: QueryValues,
    reply: Reply,
    accountId: string | undefined,
  ): Promise<void> {
    const state = oneOf(query, 'state', METER_STATES);
    const { items, cursor } = await this.gateway.store.meters.list({
      ...pageQuery(query),
      ...(state === undefined ? {} : { state }),
      ...(accountId === undefined ? {} : { everOwnedBy: accountId }),
    });
    const at = this.seen(accountId);
    const documents = items.map((meter) => meterDocument(meter, at));
    sendJson(reply, documents, 200, nextLink(request.url, cursor));
  }

  private sendMeter(reply: Reply, meter: StoredMeter): void {
    sendJson(reply, meterDocument(meter, this.seen(undefined)));
  }

  private seen(viewer: string | undefined): Parameters<typeof meterDocument>[1] {
    const nowMs = this.gateway.clock.nowMs();
    return { nowMs, ...(viewer === undefined ? {} : { viewer }) };
  }
}
