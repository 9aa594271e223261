import { Inject, Req, Res } from '@nestjs/common';
import { z } from 'zod';
import type { Gateway } from '../../../gateway/gateway.js';
import { GATEWAY } from '../../tokens.js';
import { ApiController } from '../api-controller.decorator.js';
import { jsonBody } from '../body.js';
import { actorOf } from '../principal.js';
import type { RequestWithBody } from '../raw-body.js';
import { type Reply, sendJson } from '../reply.js';
import { Route } from '../route.decorator.js';

const instant = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));

const reason = z
  .string()
  .regex(/^[^\p{Cc}]{1,256}$/u, 'must have 1 to 256 characters without controls');

/** Body of `POST /api/v1/admin/erasures`. */
const Erasure = z.union(
  [
    z.strictObject({
      entries: z.array(z.string().min(1).max(64)).min(1).max(1000),
      reason,
    }),
    z.strictObject({
      meter_id: z.string().min(1).max(256),
      from: instant.optional(),
      to: instant.optional(),
      reason,
    }),
  ],
  { error: (issue) => wrongErasure(issue as { errors?: z.core.$ZodIssue[][] }) },
);

/** What is wrong with the one of the two bodies that is nearer to what came. */
function wrongErasure({ errors = [] }: { readonly errors?: z.core.$ZodIssue[][] }): string {
  const [nearest = []] = errors.toSorted((a, b) => a.length - b.length);
  const wrong = nearest.map(({ path, message }) =>
    [path.join('.'), message].filter(Boolean).join(': '),
  );
  return ['must be {entries, reason} or {meter_id, from?, to?, reason}', ...wrong].join('; ');
}

@ApiController()
export class ErasuresController {
  constructor(@Inject(GATEWAY) private readonly gateway: Gateway) {}

  @Route('erase')
  async erase(@Req() request: RequestWithBody, @Res() reply: Reply): Promise<void> {
    const body = jsonBody(request, Erasure);
    const what =
      'entries' in body
        ? { entryIds: body.entries }
        : {
            meter: {
              meterId: body.meter_id,
              ...(body.from === undefined ? {} : { fromMs: body.from }),
              ...(body.to === undefined ? {} : { toMs: body.to }),
            },
          };
    const { outcomes, reports } = await this.gateway.erasures.erase({
      ...what,
      reason: body.reason,
      actor: actorOf(request),
    });
    const idsOf = (kind: 'erased' | 'already_erased') =>
      outcomes.filter((one) => one.kind === kind).map(({ entryId }) => entryId);
    sendJson(reply, {
      erased: idsOf('erased'),
      already_erased: idsOf('already_erased'),
      refused: outcomes.flatMap((one) =>
        one.kind === 'refused' ? [{ id: one.entryId, code: one.code }] : [],
      ),
      ...(reports === undefined
        ? {}
        : {
            reports: {
              alerts: reports.alerts,
              telemetry: reports.telemetry,
              deliveries: reports.deliveries,
              commands: reports.commands,
              dead_letters: reports.deadLetters,
            },
          }),
    });
  }
}
