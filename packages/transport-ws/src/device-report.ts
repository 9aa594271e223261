import type { DeviceDesk, JsonObject } from '@wattproof/core/spi';
import {
  JsonNumber,
  type JsonTree,
  MAX_ENERGY_UWH,
  microWattHours,
  parseJson,
  rfc3339Ms,
} from '@wattproof/core/verify';
import { MessageFault } from './client-message.js';

type Presence = Parameters<DeviceDesk['presence']>[0];
type Telemetry = Parameters<DeviceDesk['telemetry']>[0];
type Alert = Parameters<DeviceDesk['alert']>[0];

const SEVERITIES = ['info', 'warning', 'critical'] as const;
const STATES = ['online', 'offline'] as const;
/** kWh as a plain decimal. */
const DECIMAL = /^\d{1,20}(?:\.\d{1,20})?$/;

/**
 * The body of `status`, as on `wattproof/v1/<device>/status`: `{"state"?,"at"?,"available_kwh"?,…}`. With a state it is presence; what
 * else is in it is telemetry. Throws `MessageFault` or `JsonError`.
 */
export function readStatus(
  device: string,
  bytes: Uint8Array,
  nowMs: number,
): { readonly presence?: Presence; readonly telemetry?: Telemetry } {
  const sent = objectOf(bytes);
  const atMs = instant(sent, nowMs);
  const { state, at: _at, ...rest } = sent;
  const known = state === undefined ? undefined : STATES.find((one) => one === state);
  if (state !== undefined && known === undefined)
    throw new MessageFault('member_invalid', `"state" must be one of ${STATES.join(', ')}.`);
  const report = Object.keys(rest).length > 0;
  if (known === undefined && !report)
    throw new MessageFault('status_empty', 'A status has a "state" or something to report.');
  const availableEnergyUWh = energyOf(bytes);
  return {
    ...(known && { presence: { device, state: known, why: 'status', atMs } }),
    ...(report && {
      telemetry: {
        device,
        atMs,
        body: rest,
        ...(availableEnergyUWh === undefined ? {} : { availableEnergyUWh }),
      },
    }),
  };
}

/** The body of `alert`: `{"code","text"?,"severity"?,"at"?,…}`; without a severity it is a warning. */
export function readAlert(device: string, bytes: Uint8Array, nowMs: number): Alert {
  const body = objectOf(bytes);
  const { code, text = code, severity = 'warning' } = body;
  const known = SEVERITIES.find((one) => one === severity);
  if (typeof code !== 'string' || code === '')
    throw new MessageFault('alert_code_missing', 'An alert needs a "code".');
  if (typeof text !== 'string') throw new MessageFault('member_invalid', '"text" must be text.');
  if (known === undefined)
    throw new MessageFault('member_invalid', `"severity" must be one of ${SEVERITIES.join(', ')}.`);
  return { device, severity: known, code, text, atMs: instant(body, nowMs), body };
}

function objectOf(bytes: Uint8Array): JsonObject {
  return asObject(parseJson(bytes, 'i-json')) as JsonObject;
}

function asObject(tree: JsonTree): { readonly [key: string]: JsonTree } {
  if (
    typeof tree !== 'object' ||
    tree === null ||
    Array.isArray(tree) ||
    tree instanceof JsonNumber
  )
    throw new MessageFault('body_invalid', 'The body must be a JSON object.');
  return tree;
}

/** A time that cannot be read is never replaced. */
function instant({ at }: JsonObject, nowMs: number): number {
  if (at === undefined) return nowMs;
  const ms = typeof at === 'string' ? rfc3339Ms(at) : undefined;
  if (ms === undefined)
    throw new MessageFault(
      'timestamp_invalid',
      '"at" must be an RFC 3339 time such as 2026-01-15T10:00:00Z.',
    );
  return ms;
}

/** `available_kwh` as µWh, from its literal: a double would lose digits. */
function energyOf(bytes: Uint8Array): bigint | undefined {
  const value = asObject(parseJson(bytes, 'literal'))['available_kwh'];
  if (value === undefined) return undefined;
  const literal = value instanceof JsonNumber ? value.literal : value;
  const energy = typeof literal === 'string' && DECIMAL.test(literal) && microWattHours(literal);
  if (energy === false || energy > MAX_ENERGY_UWH)
    throw new MessageFault(
      'member_invalid',
      '"available_kwh" must be a decimal that is not negative.',
    );
  return energy;
}
