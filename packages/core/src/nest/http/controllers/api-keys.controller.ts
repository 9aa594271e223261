import { Inject, Param, Query, Req, Res } from '@nestjs/common';
import { z } from 'zod';
import type { Principal } from '../../../accounts/access.js';
import type { StoredApiKey } from '../../../accounts/account.store.js';
import type { IssuedApiKey } from '../../../accounts/api-key.service.js';
import type { Gateway } from '../../../gateway/gateway.js';
import { GATEWAY } from '../../tokens.js';
import { AccountId, RoleName } from '../account-words.js';
import { ApiController } from '../api-controller.decorator.js';
import { jsonBody } from '../body.js';
import { instant } from '../instant.js';
import { callerOf, visibleAccount } from '../principal.js';
import { notFound, Problem } from '../problem.js';
import { nextLink, pageQuery, type Query as QueryValues, text } from '../query.js';
import type { RequestWithBody } from '../raw-body.js';
import { type Reply, sendJson } from '../reply.js';
import { Route } from '../route.decorator.js';

const NewApiKey = z.strictObject({
  account_id: AccountId.optional(),
  role: RoleName.optional(),
  meter_id: z.string().min(1).max(256).optional(),
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
    const { key, stored } = await this.issue(jsonBody(request, NewApiKey), request);
    // The secret is told this once: no cache may keep it.
    sendJson(reply, { ...shown(stored), key }, 201, { 'cache-control': 'no-store' });
  }

  private issue(body: z.output<typeof NewApiKey>, request: object): Promise<IssuedApiKey> {
    const { account_id: accountId, role, meter_id: meterId, user_id: userId, scopes } = body;
    const more = {
      scopes,
      ...(userId === undefined ? {} : { userId }),
      ...(body.expires_at === undefined ? {} : { expiresAtMs: Date.parse(body.expires_at) }),
    };
    const { apiKeys, deviceKeys } = this.gateway;
    const by = knownCallerOf(request);
    if (meterId !== undefined) {
      if (role !== undefined && role !== 'device')
        throw new Problem(400, 'body_invalid', 'role: a key with meter_id has the role device');
      const account = accountId === undefined ? {} : { accountId };
      return deviceKeys.issue({ meterId, ...account, ...more }, by);
    }
    if (accountId === undefined || role === undefined)
      throw new Problem(400, 'body_invalid', 'account_id and role, or meter_id: must be given');
    refuseUnlessAdmin(by, 'A key without meter_id');
    return apiKeys.issue({ accountId, role, ...more }, by.id);
  }

  @Route('listApiKeys')
  async list(
    @Req() request: { readonly url: string },
    @Query() query: QueryValues,
    @Res() reply: Reply,
  ): Promise<void> {
    const by = knownCallerOf(request);
    const accountId = visibleAccount(request) ?? text(query, 'account_id');
    const userId = text(query, 'user_id');
    const meterId = text(query, 'meter_id');
    const { items, cursor } = await this.gateway.store.accounts.listApiKeys({
      ...pageQuery(query),
      ...(accountId === undefined ? {} : { accountId }),
      ...(userId === undefined ? {} : { userId }),
      ...(meterId === undefined ? {} : { meterId }),
      ofDevices: by.role !== 'admin',
    });
    sendJson(reply, items.map(shown), 200, nextLink(request.url, cursor));
  }

  @Route('revokeApiKey')
  async revoke(
    @Req() request: object,
    @Param('id') id: string,
    @Res() reply: Reply,
  ): Promise<void> {
    const { apiKeys, deviceKeys } = this.gateway;
    const by = knownCallerOf(request);
    const known =
      by.role === 'admin' ? await apiKeys.revoke(id, by.id) : await deviceKeys.revoke(id, by);
    if (!known) throw notFound('api_key_not_found', 'There is no such live API key.');
    sendJson(reply, { id, revoked: true });
  }
}

function knownCallerOf(request: object): Principal {
  const principal = callerOf(request);
  // The guard lets nobody in without one.
  if (principal === undefined) throw new Error('a route for owners was entered by nobody');
  return principal;
}

function refuseUnlessAdmin({ role }: Principal, what: string): void {
  if (role !== 'admin')
    throw new Problem(
      403,
      'role_insufficient',
      `${what} is for admin; this key's role is ${role}.`,
    );
}

function shown(key: StoredApiKey): object {
  return {
    id: key.id,
    account_id: key.accountId,
    role: key.role,
    user_id: key.userId ?? null,
    meter_id: key.meterId ?? null,
    scopes: key.scopes,
    created_at: instant(key.createdAtMs),
    expires_at: instant(key.expiresAtMs),
    revoked_at: instant(key.revokedAtMs),
  };
}
