import { endOfValue, memberSpans, skipSpace, stringAt } from '../../ingestion/json-spans.js';
import { Refusal } from '../../ingestion/refusal.js';
import { WireMessage } from './wire-message.js';

/** What a message holds, with what stands beside it when the transporter has no headers. */
export interface Payload {
  readonly bytes: Uint8Array;
  readonly contentType?: string;
  readonly apiKey?: string;
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** `{"apiKey": …, "contentType": …, "payload": …}`: for transporters without headers. */
const BESIDE = ['apiKey', 'contentType', 'payload'];

/**
 * The payload in whatever form a transporter gives it: bytes and strings as they are, JSON as it was written or, of
 * deserializers that parse, as it is written again.
 */
export function readPayload(data: unknown): Payload | Refusal {
  if (data instanceof WireMessage) {
    const wire = data.data;
    if (typeof wire === 'string') return ofJson(wire);
    const text = objectText(wire);
    return text === undefined ? { bytes: wire } : ofJson(text);
  }
  if (data instanceof Uint8Array) return { bytes: data };
  if (typeof data === 'string') return { bytes: Buffer.from(data, 'utf8') };
  if (typeof data !== 'object' || data === null)
    return new Refusal('message_empty', 'the message has no data; send one envelope or a list');
  try {
    return ofJson(JSON.stringify(data, exactly));
  } catch (error) {
    if (error instanceof PrecisionLost) return new Refusal('json_number_precision', error.message);
    return new Refusal('json_syntax', 'the message cannot be written as JSON');
  }
}

class PrecisionLost extends Error {}

/** Beyond 2⁵³ the parser has already lost what was sent, and of a zero below zero the writer loses the sign. */
function exactly(_name: string, value: unknown): unknown {
  if (Object.is(value, -0))
    throw new PrecisionLost(
      'a negative zero does not survive this transporter as a number; send 0, or the message as a string',
    );
  if (typeof value !== 'number' || Number.isSafeInteger(value) || !Number.isInteger(value))
    return value;
  throw new PrecisionLost(
    'an integer beyond 2^53 − 1 does not survive this transporter as a number; send the message as a string',
  );
}

function objectText(bytes: Uint8Array): string | undefined {
  try {
    const text = decoder.decode(bytes);
    return text[skipSpace(text, 0)] === '{' ? text : undefined;
  } catch {
    return undefined;
  }
}

function ofJson(text: string): Payload | Refusal {
  const start = skipSpace(text, 0);
  if (text[start] === '"') return ofString(text.slice(start).trimEnd());
  const end = text[start] === '{' ? endOfValue(text, start) : -1;
  // Behind one object may stand others, a line each.
  const whole = end > 0 && skipSpace(text, end) === text.length;
  const members = whole ? memberSpans(text, start, end) : [];
  if (members instanceof Refusal || members.length === 0) return { bytes: Buffer.from(text) };
  const names = members.map(({ name }) => name);
  const literal = (name: string): string | undefined => {
    const span = members.find((member) => member.name === name);
    return span === undefined ? undefined : text.slice(span.start, span.end);
  };
  if (names.length === 2 && literal('type') === '"Buffer"' && names.includes('data'))
    return ofBuffer(literal('data')!);
  if (!names.includes('payload') || !names.every((name) => BESIDE.includes(name)))
    return { bytes: Buffer.from(text) };
  const apiKey = optional('apiKey', literal('apiKey'));
  if (apiKey instanceof Refusal) return apiKey;
  const contentType = optional('contentType', literal('contentType'));
  if (contentType instanceof Refusal) return contentType;
  const inner = literal('payload')!;
  const payload =
    inner.startsWith('{') && !isBuffer(inner) ? { bytes: Buffer.from(inner) } : ofJson(inner);
  if (payload instanceof Refusal) return payload;
  return {
    bytes: payload.bytes,
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(contentType === undefined ? {} : { contentType }),
  };
}

function optional(name: string, literal: string | undefined): string | undefined | Refusal {
  if (literal === undefined) return undefined;
  const value = stringAt(literal, 0, literal.length);
  return value instanceof Refusal
    ? new Refusal('envelope_invalid', `"${name}" beside "payload" must be a string`)
    : value;
}

function ofString(literal: string): Payload | Refusal {
  const value = stringAt(literal, 0, literal.length);
  return value instanceof Refusal ? value : { bytes: Buffer.from(value, 'utf8') };
}

/** What `JSON.stringify` makes of a `Buffer`. */
function isBuffer(text: string): boolean {
  return /^\{\s*"type"\s*:\s*"Buffer"/.test(text);
}

function ofBuffer(list: string): Payload | Refusal {
  const bytes: unknown = /^\[[\d,\s]*\]$/.test(list) ? JSON.parse(list) : undefined;
  return Array.isArray(bytes)
    ? { bytes: Uint8Array.from(bytes as number[]) }
    : new Refusal('json_syntax', 'the data of a Buffer must be a list of bytes');
}
