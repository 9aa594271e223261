import { Inject, Param, Query, Req, Res } from '@nestjs/common';
import { OPERATION } from '../../../events/notices/notice-rules.js';
import type { Notice } from '../../../events/notices/notice.store.js';
import type { Gateway } from '../../../gateway/gateway.js';
import { GATEWAY } from '../../tokens.js';
import { ApiController } from '../api-controller.decorator.js';
import { instant } from '../instant.js';
import { callerOf, visibleAccount } from '../principal.js';
import { notFound, Problem } from '../problem.js';
import { nextLink, oneOf, pageQuery, type Query as QueryValues, text } from '../query.js';
import { type Reply, sendJson } from '../reply.js';
import { Route } from '../route.decorator.js';

@ApiController()
export class NoticesController {
  constructor(@Inject(GATEWAY) private readonly gateway: Gateway) {}

  @Route('listNotices')
  async list(
    @Req() request: { readonly url: string },
    @Query() query: QueryValues,
    @Res() reply: Reply,
  ): Promise<void> {
    const { notices } = this.gateway.store;
    const accountId = visibleAccount(request) ?? text(query, 'account_id', 256) ?? OPERATION;
    const unread = oneOf(query, 'unread', ['true', 'false']) === 'true';
    const { items, cursor } = await notices.list({ accountId, unread, ...pageQuery(query) });
    sendJson(
      reply,
      { notices: items.map(shown), unread: await notices.unread(accountId) },
      200,
      nextLink(request.url, cursor),
    );
  }

  @Route('readNotice')
  async read(@Req() request: object, @Param('id') id: string, @Res() reply: Reply): Promise<void> {
    const { store, clock } = this.gateway;
    if (callerOf(request)?.role === 'auditor')
      throw new Problem(403, 'notice_not_owned', 'Auditors read notices and mark none.');
    const accountId = visibleAccount(request) ?? OPERATION;
    const notice = await store.notices.markRead(id, accountId, clock.nowMs());
    if (notice === undefined) throw notFound('notice_not_found', 'Notice not found');
    sendJson(reply, shown(notice));
  }
}

function shown(notice: Notice): object {
  return {
    id: notice.id,
    type: notice.type,
    text: notice.text,
    data: notice.data,
    at: instant(notice.atMs),
    count: notice.count,
    read_at: instant(notice.readAtMs),
  };
}
