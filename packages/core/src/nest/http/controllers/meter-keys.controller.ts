import { Inject, Param, Query, Req, Res } from '@nestjs/common';
import { z } from 'zod';
import type { Principal } from '../../../accounts/access.js';
import { leadingKey } from '../../../devices/key-changes.js';
import { RECOVERY_STATES } from '../../../devices/key.store.js';
import { ownerAt } from '../../../devices/meter-ownership.js';
import type { StoredMeter } from '../../../devices/meter.store.js';
import { recoveryDocument, sequenceGapsDocument } from '../../../gateway/documents/key-document.js';
import { meterDocument } from '../../../gateway/documents/meter-document.js';
import type { Gateway } from '../../../gateway/gateway.js';
import { GATEWAY } from '../../tokens.js';
import { ApiController } from '../api-controller.decorator.js';
import { jsonBody } from '../body.js';
import { callerOf, visibleAccount } from '../principal.js';
import { notFound, Problem } from '../problem.js';
import { nextLink, oneOf, pageQuery, type Query as QueryValues, text } from '../query.js';
import type { RequestWithBody } from '../raw-body.js';
import { type Reply, sendJson } from '../reply.js';
import { Route } from '../route.decorator.js';

/** A rotation whose members are all as long as they may be fits, every character escaped. */
const KEY_REQUEST_BYTES = 16_384;

/** A meter's keys over time. */
@ApiController()
export class MeterKeysController {
  constructor(@Inject(GATEWAY) private readonly gateway: Gateway) {}

  @Route('rotateMeterKey')
  async rotate(
    @Req() request: RequestWithBody,
    @Param('id') id: string,
    @Res() reply: Reply,
  ): Promise<void> {
    const body = jsonBody(request, z.unknown(), KEY_REQUEST_BYTES);
    const meter = await this.gateway.keys.rotate(id, body, callerOf(request)?.id);
    // Whoever holds the key learns of the keys; of the owner only who may see them.
    const { meter_id, state, keys } = this.document(meter) as Record<string, unknown>;
    sendJson(reply, { meter_id, state, keys }, 201);
  }

  @Route('revokeMeterKey')
  async revoke(
    @Req() request: object,
    @Param('id') id: string,
    @Param('key_id') keyId: string,
    @Query() query: QueryValues,
    @Res() reply: Reply,
  ): Promise<void> {
    const reason = text(query, 'reason', 256) ?? 'no reason given';
    const meter = await this.gateway.keys.revoke(id, keyId, reason, principalOf(request));
    const nowMs = this.gateway.clock.nowMs();
    const left = leadingKey(meter, nowMs);
    const next =
      left === undefined
        ? 'No key of this meter is live: its readings are refused until a new key is recovered by owner and admin together.'
        : null;
    sendJson(reply, {
      ...this.document(meter, visibleAccount(request)),
      leading_key: left?.keyId ?? null,
      next,
    });
  }

  @Route('correctMeterKey')
  async correct(
    @Req() request: RequestWithBody,
    @Param('id') id: string,
    @Param('key_id') keyId: string,
    @Res() reply: Reply,
  ): Promise<void> {
    const body = jsonBody(request, z.unknown(), KEY_REQUEST_BYTES);
    const meter = await this.gateway.keys.correct(id, keyId, body, principalOf(request).id);
    sendJson(reply, this.document(meter));
  }

  @Route('askKeyRecovery')
  async ask(
    @Req() request: RequestWithBody,
    @Param('id') id: string,
    @Res() reply: Reply,
  ): Promise<void> {
    const body = jsonBody(request, z.unknown(), KEY_REQUEST_BYTES);
    const recovery = await this.gateway.keys.askRecovery(id, body, principalOf(request));
    sendJson(reply, recoveryDocument(recovery), 202);
  }

  @Route('approveKeyRecovery')
  async approve(
    @Req() request: RequestWithBody,
    @Param('id') id: string,
    @Param('recovery_id') recoveryId: string,
    @Res() reply: Reply,
  ): Promise<void> {
    const body = jsonBody(request, z.unknown(), KEY_REQUEST_BYTES);
    const { keys } = this.gateway;
    const meter = await keys.approveRecovery(id, recoveryId, body, principalOf(request));
    sendJson(reply, this.document(meter));
  }

  @Route('rejectKeyRecovery')
  async reject(
    @Req() request: RequestWithBody,
    @Param('id') id: string,
    @Param('recovery_id') recoveryId: string,
    @Res() reply: Reply,
  ): Promise<void> {
    const body = jsonBody(request, z.unknown(), KEY_REQUEST_BYTES);
    const { keys } = this.gateway;
    const meter = await keys.rejectRecovery(id, recoveryId, body, principalOf(request));
    sendJson(reply, this.document(meter));
  }

  @Route('listKeyRecoveries')
  async recoveries(
    @Req() request: { readonly url: string },
    @Query() query: QueryValues,
    @Res() reply: Reply,
  ): Promise<void> {
    const state = oneOf(query, 'state', RECOVERY_STATES);
    const meterId = text(query, 'meter_id');
    const accountId = visibleAccount(request);
    const { items, cursor } = await this.gateway.store.keys.recoveries({
      ...pageQuery(query),
      ...(state === undefined ? {} : { state }),
      ...(meterId === undefined ? {} : { meterId }),
      ...(accountId === undefined ? {} : { accountId }),
    });
    sendJson(reply, items.map(recoveryDocument), 200, nextLink(request.url, cursor));
  }

  @Route('meterGaps')
  async gaps(
    @Req() request: object,
    @Param('id') id: string,
    @Query() query: QueryValues,
    @Res() reply: Reply,
  ): Promise<void> {
    const account = visibleAccount(request);
    const meter = await this.gateway.store.meters.get(id);
    // A key goes on counting under the next owner, so its numbers are told to whose the meter is now.
    const owner = meter && ownerAt(meter, this.gateway.clock.nowMs()).accountId;
    if (meter === undefined || (account ?? owner) !== owner)
      throw notFound('meter_not_found', 'Meter not found');
    const keyId = text(query, 'key_id');
    const behind = sequenceNumber(query, 'behind');
    if (behind !== undefined && keyId === undefined)
      throw new Problem(400, 'query_invalid', 'Query parameter "behind" goes with "key_id".');
    const { limit } = pageQuery(query);
    const { keys: service } = this.gateway;
    const asked = meter.keys.filter((key) => keyId === undefined || key.keyId === keyId);
    const window = service.lateWindow;
    const keys = await Promise.all(
      asked.map(async (key) =>
        sequenceGapsDocument(
          key,
          await service.gaps(key, { limit, ...(behind === undefined ? {} : { behind }) }),
          window,
        ),
      ),
    );
    const late = window === undefined ? null : Number(window);
    sendJson(reply, { meter_id: id, late_window: late, keys });
  }

  private document(meter: StoredMeter, viewer?: string): object {
    const nowMs = this.gateway.clock.nowMs();
    return meterDocument(meter, { nowMs, ...(viewer === undefined ? {} : { viewer }) });
  }
}

function principalOf(request: object): Principal {
  const principal = callerOf(request);
  // The guard lets nobody in without one.
  if (principal === undefined) throw new Error('a route for owners was entered by nobody');
  return principal;
}

/** A number as in sequences, 0 to 2⁶³ − 1. */
function sequenceNumber(query: QueryValues, name: string): bigint | undefined {
  const value = text(query, name, 19);
  if (value === undefined) return undefined;
  const number = /^\d+$/.test(value) ? BigInt(value) : -1n;
  if (number >= 0n && number < 1n << 63n) return number;
  throw new Problem(400, 'query_invalid', `Query parameter "${name}" must be a sequence number.`);
}
