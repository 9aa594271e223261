import { Inject, Param, Query, Req, Res } from '@nestjs/common';
import { z } from 'zod';
import { seesEveryAccount } from '../../../accounts/access.js';
import {
  type Delivery,
  DELIVERY_STATES,
  type WebhookEndpoint,
} from '../../../events/webhooks/webhook.store.js';
import type { Gateway } from '../../../gateway/gateway.js';
import { GATEWAY } from '../../tokens.js';
import { ApiController } from '../api-controller.decorator.js';
import { jsonBody } from '../body.js';
import { instant } from '../instant.js';
import { actorOf, callerOf, visibleAccount } from '../principal.js';
import { notFound, Problem } from '../problem.js';
import { nextLink, oneOf, pageQuery, type Query as QueryValues, text } from '../query.js';
import type { RequestWithBody } from '../raw-body.js';
import { type Reply, sendJson } from '../reply.js';
import { Route } from '../route.decorator.js';

const MAX_BODY_BYTES = 16_384;

const Members = {
  url: z.string().min(1).max(2048),
  events: z.array(z.string().min(1).max(64)).max(64).optional(),
  in_order: z.boolean().optional(),
};
const NewWebhook = z.strictObject({
  ...Members,
  scope: z.enum(['account', 'all']).default('account'),
});
const WebhookChange = z.strictObject({
  ...Members,
  url: Members.url.optional(),
  state: z.enum(['active', 'paused']).optional(),
});
const Range = z.strictObject({
  from: z.iso.datetime({ offset: true }),
  to: z.iso.datetime({ offset: true }),
});

type Request = RequestWithBody & { readonly url: string };

@ApiController()
export class WebhooksController {
  constructor(@Inject(GATEWAY) private readonly gateway: Gateway) {}

  @Route('createWebhook')
  async create(@Req() request: Request, @Res() reply: Reply): Promise<void> {
    const { url, events, in_order: inOrder, scope } = jsonBody(request, NewWebhook, MAX_BODY_BYTES);
    const caller = callerOf(request);
    if (caller === undefined || (scope === 'all' && !seesEveryAccount(caller)))
      throw new Problem(
        403,
        'webhook_scope',
        'Scope "all" is for those who may read every account; leave it out.',
      );
    const { endpoint, secret } = await this.gateway.webhooks.create(
      {
        url,
        types: events,
        inOrder,
        everyAccount: scope === 'all',
        accountId: caller.accountId,
      },
      actorOf(request),
    );
    // The secret is told this once: no cache may keep it.
    sendJson(reply, { ...shown(endpoint), secret }, 201, { 'cache-control': 'no-store' });
  }

  @Route('listWebhooks')
  async list(
    @Req() request: Request,
    @Query() query: QueryValues,
    @Res() reply: Reply,
  ): Promise<void> {
    const account = visibleAccount(request);
    const accountId = account ?? text(query, 'account_id', 256);
    const { items, cursor } = await this.gateway.store.webhooks.list({
      ...pageQuery(query),
      ...(accountId === undefined ? {} : { accountId }),
      ...(account === undefined ? {} : { everyAccount: false }),
    });
    sendJson(reply, items.map(shown), 200, nextLink(request.url, cursor));
  }

  @Route('getWebhook')
  async get(@Req() request: Request, @Param('id') id: string, @Res() reply: Reply): Promise<void> {
    sendJson(reply, shown(await this.visible(request, id)));
  }

  @Route('changeWebhook')
  async change(
    @Req() request: Request,
    @Param('id') id: string,
    @Res() reply: Reply,
  ): Promise<void> {
    const {
      url,
      events,
      in_order: inOrder,
      state,
    } = jsonBody(request, WebhookChange, MAX_BODY_BYTES);
    const changed = await this.gateway.webhooks.change(
      await this.own(request, id),
      { url, types: events, inOrder, state },
      actorOf(request),
    );
    sendJson(reply, shown(changed));
  }

  @Route('rotateWebhookSecret')
  async rotateSecret(
    @Req() request: Request,
    @Param('id') id: string,
    @Res() reply: Reply,
  ): Promise<void> {
    const own = await this.own(request, id);
    const { endpoint, secret } = await this.gateway.webhooks.rotateSecret(own, actorOf(request));
    sendJson(reply, { ...shown(endpoint), secret }, 200, { 'cache-control': 'no-store' });
  }

  @Route('deleteWebhook')
  async remove(
    @Req() request: Request,
    @Param('id') id: string,
    @Res() reply: Reply,
  ): Promise<void> {
    await this.gateway.webhooks.remove(await this.own(request, id), actorOf(request));
    sendJson(reply, { id, deleted: true });
  }

  @Route('testWebhook')
  async test(@Req() request: Request, @Param('id') id: string, @Res() reply: Reply): Promise<void> {
    await this.gateway.webhooks.test(await this.own(request, id));
    sendJson(reply, { id, queued: true }, 202);
  }

  @Route('webhookDeliveries')
  async deliveries(
    @Req() request: Request,
    @Param('id') id: string,
    @Query() query: QueryValues,
    @Res() reply: Reply,
  ): Promise<void> {
    const { id: endpointId } = await this.visible(request, id);
    const state = oneOf(query, 'state', DELIVERY_STATES);
    const { items, cursor } = await this.gateway.store.webhooks.deliveries({
      endpointId,
      ...pageQuery(query),
      ...(state === undefined ? {} : { state }),
    });
    sendJson(reply, items.map(shownDelivery), 200, nextLink(request.url, cursor));
  }

  @Route('replayDelivery')
  async replay(
    @Req() request: Request,
    @Param('id') id: string,
    @Param('delivery') delivery: string,
    @Res() reply: Reply,
  ): Promise<void> {
    const endpoint = await this.own(request, id);
    sendJson(reply, shownDelivery(await this.gateway.webhooks.replay(endpoint, delivery)), 202);
  }

  @Route('replayWebhook')
  async replayRange(
    @Req() request: Request,
    @Param('id') id: string,
    @Res() reply: Reply,
  ): Promise<void> {
    const { from, to } = jsonBody(request, Range, MAX_BODY_BYTES);
    const { queued, nextFromMs } = await this.gateway.webhooks.replayRange(
      await this.own(request, id),
      Date.parse(from),
      Date.parse(to),
    );
    sendJson(reply, { queued, next_from: instant(nextFromMs) }, 202);
  }

  private async visible(request: object, id: string): Promise<WebhookEndpoint> {
    const endpoint = await this.gateway.store.webhooks.get(id);
    const account = visibleAccount(request);
    // One that hears of every account is for those who may read every account, also within its own.
    const isSeen =
      account === undefined || (endpoint?.accountId === account && !endpoint.everyAccount);
    if (endpoint === undefined || !isSeen) throw notFound('webhook_not_found', 'Webhook not found');
    return endpoint;
  }

  /** Auditors look at everything and change what is theirs. */
  private async own(request: object, id: string): Promise<WebhookEndpoint> {
    const endpoint = await this.visible(request, id);
    const caller = callerOf(request);
    const may =
      caller?.role === 'operator' ||
      caller?.role === 'admin' ||
      caller?.accountId === endpoint.accountId;
    if (!may)
      throw new Problem(403, 'webhook_not_owned', 'This endpoint is another account’s to change.');
    return endpoint;
  }
}

function shown(endpoint: WebhookEndpoint): object {
  return {
    id: endpoint.id,
    account_id: endpoint.accountId,
    scope: endpoint.everyAccount ? 'all' : 'account',
    url: endpoint.url,
    events: endpoint.types,
    in_order: endpoint.inOrder,
    state: endpoint.state,
    failures: endpoint.failures,
    failing_since: instant(endpoint.failingSinceMs),
    retry_at: instant(endpoint.retryAtMs === 0 ? undefined : endpoint.retryAtMs),
    missed: endpoint.missed,
    created_at: instant(endpoint.createdAtMs),
    previous_secret_until: instant(endpoint.previousSecretUntilMs),
  };
}

function shownDelivery(delivery: Delivery): object {
  return {
    id: delivery.eventId,
    type: delivery.type,
    state: delivery.state,
    attempts: delivery.attempts,
    created_at: instant(delivery.createdAtMs),
    next_at: delivery.state === 'pending' ? instant(delivery.nextAtMs) : null,
    expires_at: delivery.state === 'pending' ? instant(delivery.expiresAtMs) : null,
    last_at: instant(delivery.lastAtMs),
    status: delivery.lastStatus ?? null,
    error: delivery.lastError ?? null,
    body: JSON.parse(delivery.body) as unknown,
  };
}
