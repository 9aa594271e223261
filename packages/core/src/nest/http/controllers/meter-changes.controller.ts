import { Inject, Param, Query, Req, Res } from '@nestjs/common';
import { z } from 'zod';
import { MeterError } from '../../../devices/meter-error.js';
import { everOwnedBy, ownerAt } from '../../../devices/meter-ownership.js';
import { RegistersChange } from '../../../devices/meter-registration.js';
import type { StoredMeter } from '../../../devices/meter.store.js';
import type { TransferActor } from '../../../devices/meter-transfers.js';
import {
  healthDocument,
  meterDocument,
  transferDocument,
} from '../../../gateway/documents/meter-document.js';
import type { Gateway } from '../../../gateway/gateway.js';
import { GATEWAY } from '../../tokens.js';
import { ApiController } from '../api-controller.decorator.js';
import { jsonBody } from '../body.js';
import { callerOf, visibleAccount } from '../principal.js';
import { notFound } from '../problem.js';
import { instantMs, nextLink, pageQuery, type Query as QueryValues } from '../query.js';
import type { RequestWithBody } from '../raw-body.js';
import { type Reply, sendJson } from '../reply.js';
import { Route } from '../route.decorator.js';

/** An offer or its acceptance, every member as long as it may be and every character escaped. */
const TRANSFER_BYTES = 8_192;

/** What owners do with their meters, and how the meters are. */
@ApiController()
export class MeterChangesController {
  constructor(@Inject(GATEWAY) private readonly gateway: Gateway) {}

  @Route('offerMeter')
  async offer(
    @Req() request: RequestWithBody,
    @Param('id') id: string,
    @Res() reply: Reply,
  ): Promise<void> {
    const by = actingFor(request);
    const body = jsonBody(request, z.unknown(), TRANSFER_BYTES);
    const transfer = await this.gateway.meterTransfers.offer(id, body, by);
    sendJson(reply, transferDocument(transfer), 201);
  }

  @Route('acceptMeter')
  async accept(
    @Req() request: RequestWithBody,
    @Param('id') id: string,
    @Res() reply: Reply,
  ): Promise<void> {
    const { actor } = actingFor(request);
    const body = jsonBody(request, z.unknown(), TRANSFER_BYTES);
    // Nobody accepts in another's name, an operator neither.
    const accountId = callerOf(request)?.accountId ?? '';
    const transfer = await this.gateway.meterTransfers.accept(id, body, { actor, accountId });
    sendJson(reply, transferDocument(transfer));
  }

  @Route('withdrawMeter')
  async withdraw(
    @Req() request: object,
    @Param('id') id: string,
    @Res() reply: Reply,
  ): Promise<void> {
    const transfer = await this.gateway.meterTransfers.withdraw(id, actingFor(request));
    sendJson(reply, transferDocument(transfer));
  }

  @Route('listTransfers')
  async transfers(
    @Req() request: { readonly url: string },
    @Query() query: QueryValues,
    @Res() reply: Reply,
  ): Promise<void> {
    const accountId = visibleAccount(request);
    const { items, cursor } = await this.gateway.store.meters.transfers({
      ...pageQuery(query),
      ...(accountId === undefined ? {} : { accountId }),
    });
    sendJson(reply, items.map(transferDocument), 200, nextLink(request.url, cursor));
  }

  @Route('retireMeter')
  async retire(
    @Req() request: object,
    @Param('id') id: string,
    @Res() reply: Reply,
  ): Promise<void> {
    const { actor, accountId } = actingFor(request);
    const { store, clock, meters } = this.gateway;
    const nowMs = clock.nowMs();
    const meter = await store.meters.get(id);
    const owner = meter && ownerAt(meter, nowMs).accountId;
    if (owner === undefined || (accountId ?? owner) !== owner)
      throw notFound('meter_not_found', 'Meter not found');
    const viewer = accountId === undefined ? {} : { viewer: accountId };
    sendJson(reply, meterDocument(await meters.retire(id, actor, accountId), { nowMs, ...viewer }));
  }

  @Route('setRegisters')
  async registers(
    @Req() request: RequestWithBody,
    @Param('id') id: string,
    @Res() reply: Reply,
  ): Promise<void> {
    const { actor } = actingFor(request);
    const { registers } = jsonBody(request, RegistersChange);
    const meter = await this.gateway.meters.setRegisters(id, registers, actor);
    sendJson(reply, meterDocument(meter, { nowMs: this.gateway.clock.nowMs() }));
  }

  @Route('auditMeters')
  async audit(@Res() reply: Reply): Promise<void> {
    const { meters, entries, differences, unsettled } = await this.gateway.meterAudit.compare();
    const different = differences.map(({ meterId, what }) => ({ meter_id: meterId, what }));
    sendJson(reply, { meters, entries, differences: different, unsettled });
  }

  @Route('meterHealth')
  async health(
    @Req() request: { readonly url: string },
    @Param('id') id: string,
    @Query() query: QueryValues,
    @Res() reply: Reply,
  ): Promise<void> {
    const account = visibleAccount(request);
    const meter = await this.gateway.store.meters.get(id);
    if (meter === undefined || (account !== undefined && !everOwnedBy(meter, account)))
      throw notFound('meter_not_found', 'Meter not found');
    const fromMs = instantMs(query, 'from');
    const toMs = instantMs(query, 'to');
    const report = await this.gateway.meterHealth.report(meter, {
      ...pageQuery(query),
      ...(account === undefined ? {} : { accountId: account }),
      ...(fromMs === undefined ? {} : { fromMs }),
      ...(toMs === undefined ? {} : { toMs }),
    });
    const isOwn =
      account === undefined || ownerAt(meter, this.gateway.clock.nowMs()).accountId === account;
    const missing = isOwn ? await this.missingNumbers(meter) : undefined;
    const document = healthDocument(meter, report, missing);
    sendJson(reply, document, 200, nextLink(request.url, report.cursor));
  }

  /** Of each key: numbers between its lowest and its highest that never came. */
  private async missingNumbers({ keys }: StoredMeter): Promise<ReadonlyMap<string, bigint>> {
    const counted = keys.map(async (key) => {
      const { lowest, highest, seen } = await this.gateway.keys.gaps(key, { limit: 1 });
      const span = lowest === undefined || highest === undefined ? 0n : highest - lowest + 1n;
      return [key.keyId, span - seen] as const;
    });
    return new Map(await Promise.all(counted));
  }
}

/** Owners change what is theirs, operators what is anybody's, auditors nothing. */
function actingFor(request: object): TransferActor {
  const caller = callerOf(request);
  if (caller === undefined || caller.role === 'auditor')
    throw new MeterError('reader_only', 'an auditor looks, and changes nothing');
  const accountId = visibleAccount(request);
  return { actor: caller.id, ...(accountId === undefined ? {} : { accountId }) };
}
