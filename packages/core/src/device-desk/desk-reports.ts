import { createHash } from 'node:crypto';
import { DeskRefusal, type JsonObject } from '../spi/index.js';
import { canonicalJson } from '../verify/rfc8785.js';
import type { DeskConfig } from './device-desk.config.js';

/** Longest name of a device or a transfer, in bytes: as ids of meters. */
const MAX_ID_BYTES = 256;
/** Longest word for a state or a code, in characters. */
const MAX_WORD = 64;
const MAX_TEXT = 1_024;
const INT64 = 1n << 63n;

/** The name, if a store can keep it and a person can tell it from others. Throws `DeskRefusal`. */
export function checkedName(name: string, what: string, code: string): string {
  const fits =
    typeof name === 'string' &&
    name !== '' &&
    Buffer.byteLength(name) <= MAX_ID_BYTES &&
    !/[\p{Cc}\p{Cs}]/u.test(name);
  if (!fits)
    throw new DeskRefusal(
      code,
      `${what} must have 1 to ${MAX_ID_BYTES} bytes and no control characters`,
    );
  return name;
}

export const checkedDevice = (name: string): string =>
  checkedName(name, 'the name of a device', 'device_invalid');

/** An instant a device states; `limitMs`: the last one that is taken. Throws `DeskRefusal`. */
export function checkedInstant(atMs: number, limitMs: number): number {
  if (Number.isSafeInteger(atMs) && atMs >= 0 && atMs <= limitMs) return atMs;
  throw new DeskRefusal(
    'time_invalid',
    `the time of the report is ${String(atMs)} ms since 1970, which is no whole number up to ${limitMs}; set the clock of the device`,
  );
}

/** Energy in µWh, if it is some. Throws `DeskRefusal`. */
export function checkedEnergy(energyUWh: bigint | undefined): bigint | undefined {
  if (energyUWh === undefined) return undefined;
  if (typeof energyUWh === 'bigint' && energyUWh >= 0n && energyUWh < INT64) return energyUWh;
  throw new DeskRefusal('report_invalid', 'an energy must be from 0 to 2^63 - 1 µWh');
}

/** The body in one form and nobody else's object. Throws `DeskRefusal`. */
export function checkedBody(body: JsonObject, { maxBodyBytes }: DeskConfig): JsonObject {
  let text: string | undefined;
  try {
    text = canonicalJson(body);
  } catch (cause) {
    throw new DeskRefusal(
      'report_invalid',
      `the body is no JSON that can be kept: ${cause instanceof Error ? cause.message : 'it is not read'}`,
    );
  }
  if (text === undefined || !text.startsWith('{') || Buffer.byteLength(text) > maxBodyBytes)
    throw new DeskRefusal(
      'report_invalid',
      `the body must be a JSON object of at most ${maxBodyBytes} bytes`,
    );
  return JSON.parse(text) as JsonObject;
}

/** A word of the device's own, such as a code: nothing that is odd about it keeps an emergency from being told. */
export function wordOf(text: string, otherwise: string): string {
  return oneLine(text, MAX_WORD) || otherwise;
}

export function sentenceOf(text: string): string {
  return oneLine(text, MAX_TEXT);
}

/** Same content, same hash, 32 bytes. */
export function contentHash(content: JsonObject): Buffer {
  return createHash('sha256').update(canonicalJson(content)).digest();
}

function oneLine(text: unknown, maxLength: number): string {
  return (typeof text === 'string' ? text : '')
    .slice(0, maxLength)
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]+/gu, ' ')
    .trim();
}
