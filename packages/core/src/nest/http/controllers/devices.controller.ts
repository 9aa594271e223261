import { Inject, Param, Query, Req, Res } from '@nestjs/common';
import { z } from 'zod';
import type { DeviceStatus } from '../../../device-desk/device-status.js';
import { seenFromMs, seenUntilMs, statusFrom } from '../../../device-desk/device-view.js';
import { everOwnedBy, ownerAt } from '../../../devices/meter-ownership.js';
import type { StoredMeter } from '../../../devices/meter.store.js';
import {
  alertDocument,
  deadLetterDocument,
  deviceDocument,
  progressDocument,
} from '../../../gateway/documents/device-document.js';
import type { Gateway } from '../../../gateway/gateway.js';
import { GATEWAY } from '../../tokens.js';
import { ApiController } from '../api-controller.decorator.js';
import { jsonBody } from '../body.js';
import { changerOf, visibleAccount } from '../principal.js';
import { notFound } from '../problem.js';
import { nextLink, oneOf, pageQuery, type Query as QueryValues, text } from '../query.js';
import type { RequestWithBody } from '../raw-body.js';
import { type Reply, sendJson } from '../reply.js';
import { Route } from '../route.decorator.js';

/** Body of a clearance. The log quotes it. */
const Clearance = z.strictObject({
  reason: z
    .string()
    .regex(/^[^\p{Cc}\p{Cs}]{1,1024}$/u, 'must have 1 to 1024 characters without controls'),
});

const unheard = (device: string): DeviceStatus => ({ device, openAlerts: 0 });

/** A device as somebody may see it. */
interface Seen {
  readonly meter: StoredMeter | undefined;
  /** Whether it is theirs now; everything is an operator's. */
  readonly own: boolean;
  /** From when on they may see what it says; undefined: it says nothing to them. */
  readonly fromMs: number | undefined;
}

function shownTo(status: DeviceStatus, fromMs: number | undefined): DeviceStatus {
  return fromMs === undefined ? unheard(status.device) : statusFrom(status, fromMs);
}

/** What devices say besides readings. A device of a registered meter is its owner's to see, every other the operators'. */
@ApiController()
export class DevicesController {
  constructor(@Inject(GATEWAY) private readonly gateway: Gateway) {}

  @Route('listDevices')
  async list(
    @Req() request: { readonly url: string },
    @Query() query: QueryValues,
    @Res() reply: Reply,
  ): Promise<void> {
    const { store, desk, clock } = this.gateway;
    const account = visibleAccount(request);
    const asked = pageQuery(query);
    if (account === undefined) {
      const { items, cursor } = await store.desk.list(asked);
      const devices = items.map(({ device }) => device);
      const meters = await store.meters.find({ meterIds: devices, keyIds: [] });
      const known = new Set(meters.map(({ meterId }) => meterId));
      const shown = items.map((one) => deviceDocument(desk.fresh(one), known.has(one.device)));
      sendJson(reply, shown, 200, nextLink(request.url, cursor));
      return;
    }
    const { items, cursor } = await store.meters.list({ ...asked, everOwnedBy: account });
    const nowMs = clock.nowMs();
    const own = items.filter((meter) => ownerAt(meter, nowMs).accountId === account);
    const found = await store.desk.find(own.map(({ meterId }) => meterId));
    const statuses = new Map(found.map((status) => [status.device, status]));
    const shown = own.map((meter) => {
      const status = desk.fresh(statuses.get(meter.meterId) ?? unheard(meter.meterId));
      return deviceDocument(shownTo(status, seenFromMs(meter, account, nowMs)), true);
    });
    sendJson(reply, shown, 200, nextLink(request.url, cursor));
  }

  @Route('getDevice')
  async get(@Req() request: object, @Param('id') id: string, @Res() reply: Reply): Promise<void> {
    const { meter, own, fromMs } = await this.seen(request, id);
    const status = own ? await this.gateway.desk.status(id) : undefined;
    if (!own || (meter === undefined && status === undefined)) throw unknownDevice();
    const shown = status ?? this.gateway.desk.fresh(unheard(id));
    sendJson(reply, deviceDocument(shownTo(shown, fromMs), meter !== undefined));
  }

  @Route('listAlerts')
  async alerts(
    @Req() request: { readonly url: string },
    @Param('id') device: string,
    @Query() query: QueryValues,
    @Res() reply: Reply,
  ): Promise<void> {
    const { meter, fromMs } = await this.seen(request, device);
    const { store } = this.gateway;
    if (meter === undefined && (await store.desk.get(device)) === undefined) throw unknownDevice();
    const accountId = visibleAccount(request);
    const open = oneOf(query, 'open', ['true', 'false']);
    const { items, cursor } = await store.desk.alerts({
      ...pageQuery(query),
      device,
      ...(accountId === undefined ? {} : { accountId, orOpen: fromMs !== undefined }),
      ...(open === undefined ? {} : { open: open === 'true' }),
    });
    const untilMs =
      meter === undefined || accountId === undefined ? Infinity : seenUntilMs(meter, accountId);
    const shown = items.map((alert) => alertDocument(alert, untilMs));
    sendJson(reply, shown, 200, nextLink(request.url, cursor));
  }

  @Route('clearAlert')
  async clear(
    @Req() request: RequestWithBody,
    @Param('id') device: string,
    @Param('alert') id: string,
    @Res() reply: Reply,
  ): Promise<void> {
    const actor = changerOf(request);
    const { reason } = jsonBody(request, Clearance);
    const { own, meter, fromMs } = await this.seen(request, device);
    const { store, alerts, clock } = this.gateway;
    const alert = own ? await store.desk.alert(id) : undefined;
    const isTheirs = fromMs !== undefined || alert?.accountId === visibleAccount(request);
    if (alert === undefined || alert.device !== device || !isTheirs)
      throw notFound('alert_not_found', 'There is no such alert of this device');
    const owner = meter === undefined ? {} : { accountId: ownerAt(meter, clock.nowMs()).accountId };
    sendJson(reply, alertDocument(await alerts.clear(alert, { actor, reason, ...owner })));
  }

  @Route('deliveryProgress')
  async progress(
    @Req() request: { readonly url: string },
    @Param('id') transferId: string,
    @Query() query: QueryValues,
    @Res() reply: Reply,
  ): Promise<void> {
    const accountId = visibleAccount(request);
    const { items, cursor } = await this.gateway.store.desk.progress({
      ...pageQuery(query),
      transferId,
      ...(accountId === undefined ? {} : { accountId }),
    });
    sendJson(reply, items.map(progressDocument), 200, nextLink(request.url, cursor));
  }

  @Route('deadLetters')
  async deadLetters(
    @Req() request: { readonly url: string },
    @Query() query: QueryValues,
    @Res() reply: Reply,
  ): Promise<void> {
    const source = text(query, 'source', 512);
    const code = text(query, 'code', 64);
    const { items, cursor } = await this.gateway.store.desk.deadLetters({
      ...pageQuery(query),
      ...(source === undefined ? {} : { source }),
      ...(code === undefined ? {} : { code }),
    });
    sendJson(reply, items.map(deadLetterDocument), 200, nextLink(request.url, cursor));
  }

  /** Throws a 404 for what this caller may not know of. */
  private async seen(request: object, device: string): Promise<Seen> {
    const { store, clock } = this.gateway;
    const account = visibleAccount(request);
    const meter = await store.meters.get(device);
    if (account === undefined) return { meter, own: true, fromMs: 0 };
    if (meter === undefined || !everOwnedBy(meter, account)) throw unknownDevice();
    const nowMs = clock.nowMs();
    const own = ownerAt(meter, nowMs).accountId === account;
    return { meter, own, fromMs: seenFromMs(meter, account, nowMs) };
  }
}

const unknownDevice = () => notFound('device_not_found', 'Device not found');
