import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { MeterDirectory } from '../devices/meter-directory.js';
import type { KeyStore } from '../devices/key.store.js';
import type { Clock, JsonObject } from '../spi/index.js';
import { canonicalJson } from '../verify/rfc8785.js';
import { CommandError } from './command-error.js';
import type { CommandsConfig } from './commands.config.js';
import { isFinal, stateAt, type StoredCommand } from './device-command.js';
import type { DeviceCommandStore } from './device-command.store.js';
import type { DeviceCommands } from './device-commands.service.js';

/** A sequence number, below 2^63; undefined for what is none. */
function sequenceOf(text: string | undefined): bigint | undefined {
  if (text === undefined || !/^(?:0|[1-9]\d{0,18})$/.test(text)) return undefined;
  const number = BigInt(text);
  return number < 1n << 63n ? number : undefined;
}

const sequence = z
  .string()
  .refine(
    (text) => sequenceOf(text) !== undefined,
    'must be a sequence number less than 2^63 in a string',
  );

/** Body of `POST /api/v1/meters/{id}/resend`: numbers, or times, or nothing for every gap that is known. */
export const ResendRequest = z
  .strictObject({
    key_id: z
      .string()
      .regex(/^[0-9a-f]{16}$/, 'must be 16 lower-case hex digits')
      .optional(),
    first: sequence.optional(),
    last: sequence.optional(),
    from: z.iso.datetime({ offset: true }).optional(),
    to: z.iso.datetime({ offset: true }).optional(),
  })
  .superRefine((body, context) => {
    const refuse = (message: string): void => context.addIssue({ code: 'custom', message });
    if ((body.first === undefined) !== (body.last === undefined))
      refuse('"first" goes with "last"');
    if ((body.from === undefined) !== (body.to === undefined)) refuse('"from" goes with "to"');
    if (body.first !== undefined && body.from !== undefined)
      refuse('ask by numbers ("first", "last") or by times ("from", "to")');
    const [first, last] = [sequenceOf(body.first), sequenceOf(body.last)];
    if (first !== undefined && last !== undefined && first > last)
      refuse('"first" must not be greater than "last"');
    if (body.from !== undefined && Date.parse(body.from) >= Date.parse(body.to ?? ''))
      refuse('"from" must lie before "to"');
  });
export type ResendRequest = z.infer<typeof ResendRequest>;

/** Newest commands of a meter among which those that wait are looked for. */
const LOOKED_THROUGH = 200;

/** Asks devices for readings that are missing. */
export class Resend {
  constructor(
    private readonly parts: {
      readonly keys: Pick<KeyStore, 'sequenceGaps'>;
      readonly directory: Pick<MeterDirectory, 'meter'>;
      readonly commands: Pick<DeviceCommands, 'request'>;
      readonly store: Pick<DeviceCommandStore, 'list'>;
      readonly clock: Clock;
      readonly config: CommandsConfig;
    },
  ) {}

  /**
   * Asked for the same again, it is the command that waits.
   *
   * A command `resend`, its body `{"ranges": [{"key_id", "first", "last"}]}` or `{"from", "to"}`. Throws `CommandError`: those of
   * `request`, `key_not_found`, `nothing_missing`.
   */
  async ask(meterId: string, request: ResendRequest, askedBy: string): Promise<StoredCommand> {
    const { clock, config, commands, store } = this.parts;
    const body = await this.body(meterId, request);
    const nowMs = clock.nowMs();
    const { items } = await store.list({ meterId, limit: LOOKED_THROUGH });
    const waiting = items.filter((one) => one.name === 'resend' && !isFinal(stateAt(one, nowMs)));
    const said = canonicalJson(body);
    const same = waiting.find((one) => canonicalJson(one.body) === said);
    if (same !== undefined) return same;
    if (waiting.length >= config.maxOpenResends)
      throw new CommandError(
        'commands_full',
        `${config.maxOpenResends} commands "resend" of this meter wait for an answer; wait for some to end`,
      );
    const deadlineMs = nowMs + config.resendTimeoutMs;
    return commands.request({ meterId, name: 'resend', body, askedBy, deadlineMs });
  }

  private async body(meterId: string, request: ResendRequest): Promise<JsonObject> {
    const { from, to, first, last } = request;
    if (from !== undefined && to !== undefined) return { from: utc(from), to: utc(to) };
    const meter = await this.parts.directory.meter(meterId);
    if (meter === undefined) throw new CommandError('meter_not_found', 'Meter not found');
    const newest = [...meter.keys].sort((a, b) => b.epoch - a.epoch);
    const keys = newest.filter(({ keyId }) => (request.key_id ?? keyId) === keyId);
    const [key] = keys;
    if (request.key_id !== undefined && key === undefined)
      throw new CommandError('key_not_found', 'the meter has no such key');
    if (first !== undefined && last !== undefined) {
      const named = key === undefined ? {} : { key_id: key.keyId };
      return { ranges: [{ ...named, first, last }] };
    }
    const ranges: JsonObject[] = [];
    for (const { keyId, publicKey, epoch } of keys) {
      const device = createHash('sha256').update(publicKey).digest('hex');
      const limit = this.parts.config.maxRanges - ranges.length;
      if (limit === 0) break;
      const { items } = await this.parts.keys.sequenceGaps({ device, epoch, limit });
      for (const gap of items)
        ranges.push({ key_id: keyId, first: String(gap.first), last: String(gap.last) });
    }
    if (ranges.length === 0)
      throw new CommandError(
        'nothing_missing',
        'no number is missing between the lowest and the highest that came; name "first" and "last", or "from" and "to"',
      );
    return { ranges };
  }
}

const utc = (instant: string): string => new Date(Date.parse(instant)).toISOString();
