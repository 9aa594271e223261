import { Inject, Param, Query, Req, Res } from '@nestjs/common';
import { z } from 'zod';
import { CommandError } from '../../../device-commands/command-error.js';
import { COMMAND_STATES } from '../../../device-commands/device-command.js';
import { ResendRequest } from '../../../device-commands/resend.js';
import { everOwnedBy, ownerAt } from '../../../devices/meter-ownership.js';
import { commandDocument } from '../../../gateway/documents/device-document.js';
import type { Gateway } from '../../../gateway/gateway.js';
import type { JsonObject } from '../../../spi/index.js';
import { GATEWAY } from '../../tokens.js';
import { ApiController } from '../api-controller.decorator.js';
import { jsonBody } from '../body.js';
import { callerOf, changerOf, visibleAccount } from '../principal.js';
import { notFound } from '../problem.js';
import { integer, nextLink, oneOf, pageQuery, type Query as QueryValues } from '../query.js';
import type { RequestWithBody } from '../raw-body.js';
import { type Reply, sendJson } from '../reply.js';
import { Route } from '../route.decorator.js';

const CommandBody = z.strictObject({
  name: z.string(),
  body: z.record(z.string(), z.unknown()).default({}),
  deadline: z.iso.datetime({ offset: true }).optional(),
});

/** The longest that a request is held until the device has answered, in seconds. */
const MAX_WAIT_S = 30;

/** What devices are asked to do. */
@ApiController()
export class CommandsController {
  constructor(@Inject(GATEWAY) private readonly gateway: Gateway) {}

  @Route('commandMeter')
  async command(
    @Req() request: RequestWithBody,
    @Param('id') meterId: string,
    @Res() reply: Reply,
  ): Promise<void> {
    const askedBy = changerOf(request);
    const { name, body, deadline } = jsonBody(request, CommandBody);
    const command = await this.gateway.commands.request({
      meterId,
      name,
      body: body as JsonObject,
      askedBy,
      ...(deadline === undefined ? {} : { deadlineMs: Date.parse(deadline) }),
    });
    this.send(reply, command, 202);
  }

  @Route('listCommands')
  async list(
    @Req() request: { readonly url: string },
    @Param('id') meterId: string,
    @Query() query: QueryValues,
    @Res() reply: Reply,
  ): Promise<void> {
    const { store, clock } = this.gateway;
    const account = visibleAccount(request);
    const caller = callerOf(request);
    const state = oneOf(query, 'state', COMMAND_STATES);
    const asked = pageQuery(query);
    const meter = await store.meters.get(meterId);
    if (
      meter === undefined ||
      (account !== undefined && !everOwnedBy(meter, account)) ||
      (caller?.role === 'device' && caller.meterId !== meterId)
    )
      throw new CommandError('meter_not_found', 'Meter not found');
    const nowMs = clock.nowMs();
    const { items, cursor } = await store.commands.list({
      ...asked,
      meterId,
      ...(account === undefined ? {} : { accountId: account }),
      ...(state === undefined ? {} : { in: { state, nowMs } }),
    });
    const shown = items.map((command) => commandDocument(command, nowMs));
    sendJson(reply, shown, 200, nextLink(request.url, cursor));
  }

  @Route('resendReadings')
  async resend(
    @Req() request: RequestWithBody,
    @Param('id') meterId: string,
    @Res() reply: Reply,
  ): Promise<void> {
    const askedBy = changerOf(request);
    const body = jsonBody(request, ResendRequest);
    const { store, clock, resend } = this.gateway;
    const account = visibleAccount(request);
    const meter = await store.meters.get(meterId);
    if (
      meter === undefined ||
      (account !== undefined && ownerAt(meter, clock.nowMs()).accountId !== account)
    )
      throw new CommandError('meter_not_found', 'Meter not found');
    this.send(reply, await resend.ask(meterId, body, askedBy), 202);
  }

  @Route('getCommand')
  async get(
    @Req() request: object,
    @Param('id') id: string,
    @Query() query: QueryValues,
    @Res() reply: Reply,
  ): Promise<void> {
    const { commands, clock } = this.gateway;
    const account = visibleAccount(request);
    const waitS = integer(query, 'wait', { min: 0, max: MAX_WAIT_S, default: 0 });
    const found = await commands.get(id);
    if (found === undefined || (account !== undefined && found.accountId !== account))
      throw notFound('command_not_found', 'Command not found');
    const untilMs = clock.nowMs() + waitS * 1000;
    this.send(reply, waitS === 0 ? found : ((await commands.await(id, untilMs)) ?? found));
  }

  private send(reply: Reply, command: Parameters<typeof commandDocument>[0], status = 200): void {
    sendJson(reply, commandDocument(command, this.gateway.clock.nowMs()), status);
  }
}
