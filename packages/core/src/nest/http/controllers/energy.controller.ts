import { Inject, Param, Query, Req, Res } from '@nestjs/common';
import { everOwnedBy } from '../../../devices/meter-ownership.js';
import { energyDocument } from '../../../gateway/documents/energy-document.js';
import type { Gateway } from '../../../gateway/gateway.js';
import { GATEWAY } from '../../tokens.js';
import { ApiController } from '../api-controller.decorator.js';
import { visibleAccount } from '../principal.js';
import { notFound } from '../problem.js';
import { instantMs, nextLink, pageQuery, type Query as QueryValues } from '../query.js';
import { type Reply, sendJson } from '../reply.js';
import { Route } from '../route.decorator.js';

@ApiController()
export class EnergyController {
  constructor(@Inject(GATEWAY) private readonly gateway: Gateway) {}

  @Route('meterEnergy')
  async energy(
    @Req() request: { readonly url: string },
    @Param('id') id: string,
    @Query() query: QueryValues,
    @Res() reply: Reply,
  ): Promise<void> {
    const { meters, energy } = this.gateway.store;
    const meter = await meters.get(id);
    const account = visibleAccount(request);
    if (meter === undefined || (account !== undefined && !everOwnedBy(meter, account)))
      throw notFound('meter_not_found', 'Meter not found');
    const fromMs = instantMs(query, 'from');
    const toMs = instantMs(query, 'to');
    const { items, cursor } = await energy.statements({
      meterId: id,
      ...pageQuery(query),
      // A former owner's intervals stay that owner's.
      ...(account === undefined ? {} : { accountId: account }),
      ...(fromMs === undefined ? {} : { fromMs }),
      ...(toMs === undefined ? {} : { toMs }),
    });
    const holds = (await energy.openHolds(id)).filter(
      (hold) => account === undefined || hold.accountId === account,
    );
    sendJson(reply, energyDocument(id, items, holds), 200, nextLink(request.url, cursor));
  }
}
