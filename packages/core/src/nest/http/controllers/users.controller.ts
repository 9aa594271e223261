import { Inject, Param, Query, Req, Res } from '@nestjs/common';
import { z } from 'zod';
import { CHAINS, MAX_ADDRESS_LENGTH } from '../../../accounts/wallet.js';
import { userDocument } from '../../../gateway/documents/user-document.js';
import type { Gateway } from '../../../gateway/gateway.js';
import { GATEWAY } from '../../tokens.js';
import { AccountId, DisplayName, RoleName } from '../account-words.js';
import { ApiController } from '../api-controller.decorator.js';
import { jsonBody } from '../body.js';
import { actorOf, callerOf } from '../principal.js';
import { notFound } from '../problem.js';
import { nextLink, oneOf, pageQuery, type Query as QueryValues, text } from '../query.js';
import type { RequestWithBody } from '../raw-body.js';
import { type Reply, sendJson } from '../reply.js';
import { Route } from '../route.decorator.js';

const WalletBody = z.strictObject({
  chain: z.enum(CHAINS),
  address: z.string().min(1).max(MAX_ADDRESS_LENGTH),
});

const UserBody = z.strictObject({
  display_name: DisplayName,
  role: RoleName,
  /** A person acts for few; whoever acts for all of them is an operator. */
  accounts: z.array(AccountId).min(1).max(64),
  wallets: z.array(WalletBody).max(32).default([]),
});

@ApiController()
export class UsersController {
  constructor(@Inject(GATEWAY) private readonly gateway: Gateway) {}

  @Route('whoAmI')
  async whoAmI(@Req() request: object, @Res() reply: Reply): Promise<void> {
    const caller = callerOf(request)!;
    const user =
      caller.userId === undefined
        ? undefined
        : await this.gateway.store.accounts.user(caller.userId);
    const wallets = user?.wallets ?? [];
    sendJson(reply, {
      id: user?.id ?? null,
      display_name: user?.displayName ?? null,
      role: caller.role,
      account_id: caller.accountId,
      accounts: user?.accounts ?? [caller.accountId],
      wallet_address: wallets[0]?.address ?? null,
      wallets,
      key_id: caller.id,
      scopes: caller.scopes,
    });
  }

  @Route('createUser')
  async create(@Req() request: RequestWithBody, @Res() reply: Reply): Promise<void> {
    const { display_name: displayName, ...body } = jsonBody(request, UserBody);
    const user = await this.gateway.users.create({ displayName, ...body }, actorOf(request));
    sendJson(reply, userDocument(user), 201);
  }

  @Route('listUsers')
  async list(
    @Req() request: { readonly url: string },
    @Query() query: QueryValues,
    @Res() reply: Reply,
  ): Promise<void> {
    const accountId = text(query, 'account_id');
    const role = oneOf(query, 'role', RoleName.options);
    const { items, cursor } = await this.gateway.store.accounts.listUsers({
      ...pageQuery(query),
      ...(accountId === undefined ? {} : { accountId }),
      ...(role === undefined ? {} : { role }),
    });
    sendJson(reply, items.map(userDocument), 200, nextLink(request.url, cursor));
  }

  @Route('getUser')
  async get(@Param('id') id: string, @Res() reply: Reply): Promise<void> {
    sendJson(reply, userDocument(await this.gateway.users.get(id)));
  }

  @Route('disableUser')
  async disable(
    @Req() request: object,
    @Param('id') id: string,
    @Res() reply: Reply,
  ): Promise<void> {
    sendJson(reply, userDocument(await this.gateway.users.disable(id, actorOf(request))));
  }

  @Route('addWallet')
  async addWallet(
    @Req() request: RequestWithBody,
    @Param('id') id: string,
    @Res() reply: Reply,
  ): Promise<void> {
    const { chain, address } = jsonBody(request, WalletBody);
    const user = await this.gateway.users.addWallet(id, chain, address, actorOf(request));
    sendJson(reply, userDocument(user));
  }

  @Route('removeWallet')
  async removeWallet(
    @Req() request: object,
    @Param('id') id: string,
    @Param('chain') named: string,
    @Param('address') address: string,
    @Res() reply: Reply,
  ): Promise<void> {
    const chain = CHAINS.find((known) => known === named);
    if (chain === undefined) throw notFound('wallet_not_found', 'the user has no such wallet');
    const user = await this.gateway.users.removeWallet(id, chain, address, actorOf(request));
    sendJson(reply, userDocument(user));
  }
}
