import { Inject, Param, Req, Res } from '@nestjs/common';
import type { Gateway } from '../../../gateway/gateway.js';
import { toHex } from '../../../verify/bytes.js';
import { GATEWAY } from '../../tokens.js';
import { ApiController } from '../api-controller.decorator.js';
import { visibleAccount } from '../principal.js';
import { notFound } from '../problem.js';
import { JSON_CONTENT_TYPE, type Reply, send, sendJson } from '../reply.js';
import { Route } from '../route.decorator.js';

@ApiController()
export class JudgementsController {
  constructor(@Inject(GATEWAY) private readonly gateway: Gateway) {}

  @Route('logVerdicts')
  async verdicts(
    @Req() request: object,
    @Param('id') id: string,
    @Res() reply: Reply,
  ): Promise<void> {
    const { entries, judgements } = this.gateway.store;
    const leaf = await entries.leaf(id);
    const account = visibleAccount(request);
    // Somebody else's entry is told like one that does not exist.
    if (leaf === undefined || (account !== undefined && leaf.accountId !== account))
      throw notFound('log_not_found', 'Log not found');
    const verdicts = (await judgements.of(id)).map((one) => ({
      verdict: one.verdict,
      reason: one.reason ?? null,
      assurance: one.assurance,
      rules: one.ruleSet,
      inputs: one.inputs === undefined ? null : (JSON.parse(one.inputs) as object),
      committed_at: new Date(one.committedAtMs).toISOString(),
    }));
    sendJson(reply, { id, leaf_hash: toHex(leaf.logHash), verdicts });
  }

  @Route('currentRules')
  current(@Res() reply: Reply): void {
    const { id, text } = this.gateway.ruleSet;
    send(reply, 200, JSON_CONTENT_TYPE, text, { etag: `"${id}"` });
  }

  @Route('rules')
  async rules(@Param('id') id: string, @Res() reply: Reply): Promise<void> {
    const text = await this.gateway.store.judgements.rules(id);
    if (text === undefined) throw notFound('rules_not_found', 'No verdict names these rules');
    send(reply, 200, JSON_CONTENT_TYPE, text, { etag: `"${id}"` });
  }
}
