import { Inject, Param, Query, Req, Res } from '@nestjs/common';
import { z } from 'zod';
import type { StoredApiKey } from '../../../accounts/account.store.js';
import type { Gateway } from '../../../gateway/gateway.js';
import { GATEWAY } from '../../tokens.js';
import { AccountId, RoleName } from '../account-words.js';
import { ApiController } from '../api-controller.decorator.js';
import { jsonBody } from '../body.js';
import { instant } from '../instant.js';
import { actorOf } from '../principal.js';
import { notFound } from '../problem.js';
import { nextLink, pageQuery, type Query as QueryValues, text } from '../query.js';
import type { RequestWithBody } from '../raw-body.js';
import { type Reply, sendJson } from '../reply.js';
import { Route } from '../route.decorator.js';

const NewApiKey = z.strictObject({
  account_id: AccountId,
  role: RoleName,
  user_id: z.uuid().optional(),
  scopes: z
    .array(z.string().regex(/^[a-z][a-z_-]{0,31}$/))
    .max(32)
    .default([]),
  expires_at: z.iso.datetime({ offset: true }).optional(),
});

@ApiController()
export class ApiKeysController {
  constructor(@Inject(GATEWAY) private readonly gateway: Gateway) {}

  @Route('createApiKey')
  async create(@Req() request: RequestWithBody, @Res() reply: Reply): Promise<void> {
    const body = jsonBody(request, NewApiKey);
    const { expires_at: expiresAt, user_id: userId } = body;
    const { key, stored } = await this.gateway.apiKeys.issue(
      {
        accountId: body.account_id,
        role: body.role,
        scopes: body.scopes,
        ...(userId === undefined ? {} : { userId }),
        ...(expiresAt === undefined ? {} : { expiresAtMs: Date.parse(expiresAt) }),
      },
      actorOf(request),
    );
    // The secret is told this once: no cache may keep it.
    sendJson(reply, { ...shown(stored), key }, 201, { 'cache-control': 'no-store' });
  }

  @Route('listApiKeys')
  async list(
    @Req() request: { readonly url: string },
    @Query() query: QueryValues,
    @Res() reply: Reply,
  ): Promise<void> {
    const accountId = text(query, 'account_id');
    const userId = text(query, 'user_id');
    const { items, cursor } = await this.gateway.store.accounts.listApiKeys({
      ...pageQuery(query),
      ...(accountId === undefined ? {} : { accountId }),
      ...(userId === undefined ? {} : { userId }),
    });
    sendJson(reply, items.map(shown), 200, nextLink(request.url, cursor));
  }

  @Route('revokeApiKey')
  async revoke(
    @Req() request: object,
    @Param('id') id: string,
    @Res() reply: Reply,
  ): Promise<void> {
    const known = await this.gateway.apiKeys.revoke(id, actorOf(request));
    if (!known) throw notFound('api_key_not_found', `There is no live API key "${id}".`);
    sendJson(reply, { id, revoked: true });
  }
}

function shown(key: StoredApiKey): object {
  return {
    id: key.id,
    account_id: key.accountId,
    role: key.role,
    user_id: key.userId ?? null,
    scopes: key.scopes,
    created_at: instant(key.createdAtMs),
    expires_at: instant(key.expiresAtMs),
    revoked_at: instant(key.revokedAtMs),
  };
}
