import { Inject, Param, Req, Res } from '@nestjs/common';
import type { Gateway } from '../../../gateway/gateway.js';
import { GATEWAY } from '../../tokens.js';
import { ApiController } from '../api-controller.decorator.js';
import { visibleAccount } from '../principal.js';
import { notFound } from '../problem.js';
import { JSON_CONTENT_TYPE, type Reply, send } from '../reply.js';
import { Route } from '../route.decorator.js';

const decoder = new TextDecoder();

@ApiController()
export class FindingsController {
  constructor(@Inject(GATEWAY) private readonly gateway: Gateway) {}

  @Route('logFindings')
  async findings(
    @Req() request: object,
    @Param('id') id: string,
    @Res() reply: Reply,
  ): Promise<void> {
    const { entries, findings } = this.gateway.store;
    const entry = await entries.get(id);
    const account = visibleAccount(request);
    // Somebody else's entry is told like one that does not exist.
    if (entry === undefined || (account !== undefined && entry.accountId !== account))
      throw notFound('log_not_found', 'Log not found');
    const found = (await findings.of(id)).map((finding) => {
      const { detector, register, code, action, hash, statedBy } = finding;
      const own = JSON.stringify({ detector, register, code, action, hash, entry: statedBy });
      // As it was hashed: never serialised again.
      return `${own.slice(0, -1)},"document":${decoder.decode(finding.document)}}`;
    });
    const { verdict, reason = null } = entry;
    const head = JSON.stringify({ id, verdict, reason });
    send(reply, 200, JSON_CONTENT_TYPE, `${head.slice(0, -1)},"findings":[${found.join(',')}]}`);
  }
}
