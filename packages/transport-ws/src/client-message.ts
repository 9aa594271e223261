import type { InboundMessage } from '@wattproof/core/spi';
import { JsonError, type JsonTree, parseJson } from '@wattproof/core/verify';
import { memberSpans, type Span } from './json-members.js';
import { isStreamed, STREAMED } from './streamed.js';

type ContentType = InboundMessage['contentType'];

/** What a client says, taken apart. Bodies are the bytes as they came. */
export type ClientMessage =
  | { readonly type: 'auth'; readonly fields: AuthFields }
  | { readonly type: 'challenge' }
  | {
      readonly type: 'readings';
      readonly id: string;
      readonly contentType: ContentType;
      readonly body: Uint8Array;
    }
  | {
      readonly type: 'subscribe';
      readonly id: string;
      readonly types: readonly string[];
      readonly meterIds?: readonly string[];
    }
  | { readonly type: 'unsubscribe'; readonly id: string }
  | {
      readonly type: 'status' | 'alert' | 'answer';
      readonly id: string;
      readonly device?: string;
      readonly body: Uint8Array;
    };
export interface AuthFields {
  readonly key?: string;
  readonly keyId?: string;
  readonly challenge?: string;
  readonly signature?: string;
}

/** A message that nobody can act on. `id`: which one, when that much could be read. */
export class MessageFault extends Error {
  override readonly name = 'MessageFault';

  constructor(
    readonly code: string,
    message: string,
    readonly id: string | null = null,
  ) {
    super(message);
  }
}

/** Correlates a message with its answer: 1 … 64 printable ASCII characters. */
const ID = /^[\x21-\x7e]{1,64}$/;
/** A type of event, or a family of them. */
const TYPES = /^[a-z][a-z0-9_-]{0,31}\.(?:\*|[a-z][a-z0-9_-]{0,47})$/;
const MAX_TYPES = 32;
const MAX_METER_IDS = 256;
const MAX_METER_ID_LENGTH = 256;
const MAX_KEY_LENGTH = 512;

/** Members of each message besides `type`; any other is a fault. */
const MEMBERS: Readonly<Record<ClientMessage['type'], readonly string[]>> = {
  auth: ['key', 'key_id', 'challenge', 'signature'],
  challenge: [],
  readings: ['id', 'content_type', 'body'],
  subscribe: ['id', 'types', 'meter_ids'],
  unsubscribe: ['id'],
  status: ['id', 'device', 'body'],
  alert: ['id', 'device', 'body'],
  answer: ['id', 'device', 'body'],
};

/** A text frame. Throws `MessageFault`. */
export function readText(bytes: Uint8Array): ClientMessage {
  const spans = memberSpans(bytes);
  if (spans === undefined)
    throw new MessageFault('json_invalid', 'A text message is one JSON object with a "type".');
  const fields = new Fields(bytes, spans);
  let id: string | null = null;
  try {
    const type = fields.type();
    if (MEMBERS[type].includes('id')) id = fields.id();
    fields.only(MEMBERS[type]);
    return fields.message(type, id ?? '');
  } catch (error) {
    if (error instanceof MessageFault || error instanceof JsonError)
      throw new MessageFault(error.code, error.message, id);
    throw error;
  }
}

/** What the first byte of a binary frame says of the bytes behind its id. */
const BINARY_KINDS: readonly (ContentType | undefined)[] = [
  undefined,
  'application/json',
  'application/x-ndjson',
  'application/cose',
  'text/plain',
];

/** A binary frame: kind ‖ length of the id ‖ id ‖ readings as they are. Throws `MessageFault`. */
export function readBinary(bytes: Uint8Array): ClientMessage {
  const [kind = 0, length = 0] = bytes;
  const contentType = BINARY_KINDS[kind];
  const id = String.fromCharCode(...bytes.subarray(2, 2 + Math.min(length, 64)));
  if (length !== id.length || !ID.test(id))
    throw new MessageFault(
      'frame_invalid',
      'A binary message is: kind (1 byte), length of the id (1 byte, 1 … 64), id (printable ASCII), readings.',
    );
  if (contentType === undefined)
    throw new MessageFault(
      'frame_invalid',
      `Kind ${kind} is none of 1 (JSON), 2 (NDJSON), 3 (COSE_Sign1), 4 (OCMF).`,
      id,
    );
  return { type: 'readings', id, contentType, body: bytes.subarray(2 + length) };
}

/** The members of one text message, read one by one. */
class Fields {
  constructor(
    private readonly bytes: Uint8Array,
    private readonly spans: ReadonlyMap<string, Span>,
  ) {}

  type(): ClientMessage['type'] {
    const type = this.textOrFault('type', 32);
    if (type === undefined || !Object.hasOwn(MEMBERS, type))
      throw new MessageFault(
        'type_unknown',
        `"type" must be one of ${Object.keys(MEMBERS).join(', ')}.`,
      );
    return type as ClientMessage['type'];
  }

  id(): string {
    const id = this.textOrFault('id', 64);
    if (id === undefined || !ID.test(id))
      throw new MessageFault('id_invalid', '"id" must be 1 … 64 printable ASCII characters.');
    return id;
  }

  only(names: readonly string[]): void {
    for (const name of this.spans.keys())
      if (name !== 'type' && !names.includes(name))
        throw new MessageFault(
          'member_unknown',
          `This message has no member ${JSON.stringify(name.slice(0, 64))}; it has ${['type', ...names].join(', ')}.`,
        );
  }

  message(type: ClientMessage['type'], id: string): ClientMessage {
    switch (type) {
      case 'auth':
        return { type, fields: this.auth() };
      case 'challenge':
        return { type };
      case 'readings':
        return { type, id, ...this.readings() };
      case 'subscribe':
        return { type, id, ...this.filters() };
      case 'unsubscribe':
        return { type, id };
      case 'status':
      case 'alert':
      case 'answer': {
        const device = this.textOrFault('device', MAX_METER_ID_LENGTH);
        return { type, id, body: this.raw('body'), ...(device === undefined ? {} : { device }) };
      }
    }
  }

  private auth(): AuthFields {
    const [key, keyId] = [this.textOrFault('key', MAX_KEY_LENGTH), this.textOrFault('key_id', 256)];
    const challenge = this.textOrFault('challenge', 256);
    const signature = this.textOrFault('signature', 256);
    return {
      ...(key === undefined ? {} : { key }),
      ...(keyId === undefined ? {} : { keyId }),
      ...(challenge === undefined ? {} : { challenge }),
      ...(signature === undefined ? {} : { signature }),
    };
  }

  /** The body is JSON as it stands; with a content type it is a string that holds the text. */
  private readings(): { readonly contentType: ContentType; readonly body: Uint8Array } {
    const stated = this.textOrFault('content_type', 64);
    if (stated === undefined) return { contentType: 'application/json', body: this.raw('body') };
    const contentType = BINARY_KINDS.find((kind) => kind !== undefined && kind === stated);
    if (contentType === undefined || contentType === 'application/cose')
      throw new MessageFault(
        'content_type_unknown',
        '"content_type" must be application/json, application/x-ndjson or text/plain; send COSE in a binary message.',
      );
    const text = this.textOrFault('body', Number.MAX_SAFE_INTEGER);
    if (text === undefined)
      throw new MessageFault('member_invalid', 'With a "content_type" the "body" is a string.');
    return { contentType, body: new TextEncoder().encode(text) };
  }

  private filters(): { readonly types: readonly string[]; readonly meterIds?: readonly string[] } {
    const types = this.list('types', MAX_TYPES);
    if (types === undefined || types.length === 0 || types.some((type) => !TYPES.test(type)))
      throw new MessageFault(
        'types_invalid',
        `"types" must be a list of 1 … ${MAX_TYPES} types of events such as "reading.accepted" or "batch.*".`,
      );
    const unknown = types.find((type) => !isStreamed(type));
    if (unknown !== undefined)
      throw new MessageFault(
        'types_unknown',
        `"${unknown}" is none of what is streamed: ${STREAMED.join(', ')}.`,
      );
    const meterIds = this.list('meter_ids', MAX_METER_IDS);
    const isNone = (meter: string): boolean => meter === '' || meter.length > MAX_METER_ID_LENGTH;
    if (meterIds?.length === 0 || meterIds?.some(isNone))
      throw new MessageFault(
        'member_invalid',
        '"meter_ids" must be ids of meters; leave it out to hear of all of them.',
      );
    return { types, ...(meterIds === undefined ? {} : { meterIds }) };
  }

  private raw(name: string): Uint8Array {
    const span = this.spans.get(name);
    if (span === undefined)
      throw new MessageFault('member_missing', `This message needs "${name}".`);
    return this.bytes.subarray(span.start, span.end);
  }

  private value(name: string): JsonTree | undefined {
    const span = this.spans.get(name);
    return span && parseJson(this.bytes.subarray(span.start, span.end));
  }

  private textOrFault(name: string, maxLength: number): string | undefined {
    const value = this.value(name);
    if (value === undefined) return undefined;
    if (typeof value !== 'string' || value === '' || value.length > maxLength)
      throw new MessageFault('member_invalid', `"${name}" must be a string that is not empty.`);
    return value;
  }

  private list(name: string, most: number): readonly string[] | undefined {
    const value = this.value(name);
    if (value === undefined) return undefined;
    if (
      !Array.isArray(value) ||
      value.length > most ||
      !value.every((item) => typeof item === 'string')
    )
      throw new MessageFault(
        'member_invalid',
        `"${name}" must be a list of at most ${most} strings.`,
      );
    return value;
  }
}
