import { Inject, Param, Query, Req, Res } from '@nestjs/common';
import { everOwnedBy } from '../../../devices/meter-ownership.js';
import { deviceOfKey } from '../../../ingestion/authenticate.js';
import type { Gateway } from '../../../gateway/gateway.js';
import { chainProofText, MAX_CHAIN_BATCHES } from '../../../verify/envelopes/index.js';
import { GATEWAY } from '../../tokens.js';
import { ApiController } from '../api-controller.decorator.js';
import { visibleAccount } from '../principal.js';
import { notFound, Problem } from '../problem.js';
import { type Query as QueryValues, text } from '../query.js';
import { JSON_CONTENT_TYPE, type Reply, send } from '../reply.js';
import { Route } from '../route.decorator.js';

const MOST = (1n << 63n) - 1n;

@ApiController()
export class ChainsController {
  constructor(@Inject(GATEWAY) private readonly gateway: Gateway) {}

  @Route('meterChain')
  async chain(
    @Req() request: { readonly url: string },
    @Param('id') id: string,
    @Param('key_id') keyId: string,
    @Query() query: QueryValues,
    @Res() reply: Reply,
  ): Promise<void> {
    const { meters, chains } = this.gateway.store;
    const meter = await meters.get(id);
    const account = visibleAccount(request);
    // Whoever owned the meter once sees all of the chain: it tells numbers and hashes, nothing that was measured.
    if (meter === undefined || (account !== undefined && !everOwnedBy(meter, account)))
      throw notFound('meter_not_found', 'Meter not found');
    const key = meter.keys.find((one) => one.keyId === keyId);
    if (key === undefined) throw notFound('key_not_found', 'The meter has no such key');
    const batches = await chains.list(deviceOfKey(key), key.epoch, {
      first: sequenceOf(query, 'from') ?? 0n,
      last: sequenceOf(query, 'to') ?? MOST,
      limit: MAX_CHAIN_BATCHES,
    });
    if (batches.length === 0)
      throw notFound('chain_not_found', 'The key signed no chained batches with these numbers');
    const { alg, publicKey } = key;
    send(reply, 200, JSON_CONTENT_TYPE, chainProofText({ alg, publicKey, batches }));
  }
}

function sequenceOf(query: QueryValues, name: string): bigint | undefined {
  const value = text(query, name);
  if (value === undefined) return undefined;
  if (/^(?:0|[1-9]\d{0,17})$/.test(value)) return BigInt(value);
  throw new Problem(400, 'query_invalid', `Query parameter "${name}" must be a sequence number.`);
}
