import type { InboundMessage } from '../spi/index.js';
import { fromHex } from '../verify/bytes.js';
import type { ChainPlace } from '../verify/envelopes/index.js';
import { bytesField, closedMembers, objectMembers, stringField } from './envelope-fields.js';
import type { Envelope, NamedSignature } from './envelope.js';
import type { IngestionConfig } from './ingestion.config.js';
import { arraySpans, endOfValue, skipSpace, type MemberSpan, type Span } from './json-spans.js';
import { OCMF_HEAD, readOcmf } from './ocmf-envelope.js';
import { readEnvelope, readSignature } from './read-envelope.js';
import { Refusal } from './refusal.js';
import { readCose } from './wrapped-envelope.js';

/** A message taken apart: its items in order, and the signature over all of them when it is a `batch/1` or `batch/2`. */
export interface Frame {
  /** `one`: a single envelope, answered as one document. */
  readonly form: 'one' | 'many';
  readonly items: readonly (Envelope | Refusal)[];
  readonly batch?: {
    readonly nonce: Uint8Array;
    readonly signature?: NamedSignature;
    /** Of a `batch/2`: where it stands among the batches of its key. */
    readonly chain?: ChainPlace;
  };
}

const BATCH_FIELDS = ['format', 'batch_nonce', 'items', 'signature'] as const;
const CHAIN_FIELDS = ['previous', 'first', 'last'] as const;
const BATCH_NONCE_BYTES = { least: 16, most: 64 };

/** A message of one COSE_Sign1, which is no text. */
export function frameCose(bytes: Uint8Array, limits: IngestionConfig['limits']): Frame {
  const large = tooManyBytes(bytes.length, limits);
  return { form: 'one', items: [large ?? readCose(bytes)] };
}

/** A message of one OCMF record; a line feed behind it is no part of it. */
function frameRecord(text: string, limits: IngestionConfig['limits']): Frame | Refusal {
  if (!text.startsWith(OCMF_HEAD))
    return new Refusal('content_type_unknown', 'text/plain is taken for one OCMF record alone');
  const record = text.replace(/\r?\n$/, '');
  const large = tooLarge(record, { start: 0, end: record.length }, limits);
  return { form: 'one', items: [large ?? readOcmf(record)] };
}

/** Step 2: one envelope, an array, NDJSON lines or a signed batch. A broken item of a list refuses only itself. */
export function frame(
  text: string,
  contentType: Exclude<InboundMessage['contentType'], 'application/cose'>,
  limits: IngestionConfig['limits'],
): Frame | Refusal {
  if (contentType === 'application/x-ndjson') return frameLines(text, limits);
  if (contentType === 'text/plain') return frameRecord(text, limits);
  const start = skipSpace(text, 0);
  if (text[start] === '[') {
    const array = arraySpans(text, start, limits.items);
    if (array instanceof Refusal) return array;
    const tail = trailing(text, array.end);
    if (tail !== undefined) return tail;
    return frameItems(text, array.spans, limits);
  }
  const end = endOfValue(text, start);
  if (end < 0) return new Refusal('json_syntax', 'the message is not a complete JSON value');
  const tail = trailing(text, end);
  if (tail !== undefined) return tail;
  const members = objectMembers(text, { start, end }, 'the message');
  if (members instanceof Refusal) return members;
  const format = batchFormat(text, members);
  if (format !== undefined) return frameBatch(text, members, format === 'batch/2', limits);
  const large = tooLarge(text, { start, end }, limits);
  return { form: 'one', items: [large ?? readEnvelope(text, members)] };
}

function trailing(text: string, end: number): Refusal | undefined {
  const rest = skipSpace(text, end);
  if (rest >= text.length) return undefined;
  return new Refusal('json_syntax', `something follows the JSON value at character ${rest}`);
}

function frameItems(
  text: string,
  spans: readonly (Span | Refusal)[],
  limits: IngestionConfig['limits'],
): Frame | Refusal {
  if (spans.length === 0) return new Refusal('message_empty', 'the list has no items');
  if (spans.length > limits.items)
    return new Refusal(
      'too_many_items',
      `the message has more than ${limits.items} items; send it in parts`,
    );
  return { form: 'many', items: spans.map((span) => frameItem(text, span, limits)) };
}

function frameLines(text: string, limits: IngestionConfig['limits']): Frame | Refusal {
  const lines: (Span | Refusal)[] = [];
  // Empty lines are allowed between items and at the end; they are skipped together, once.
  let start = skipSpace(text, 0);
  while (start < text.length && lines.length <= limits.items) {
    const newline = text.indexOf('\n', start);
    const stop = newline < 0 ? text.length : newline;
    const end = endOfValue(text, start, stop);
    if (end < 0) lines.push(new Refusal('json_syntax', 'the line is not a complete JSON value'));
    else if (skipSpace(text, end) < stop)
      lines.push(new Refusal('json_syntax', 'something follows the JSON value of the line'));
    else lines.push({ start, end });
    start = skipSpace(text, stop);
  }
  return frameItems(text, lines, limits);
}

function frameItem(
  text: string,
  span: Span | Refusal,
  limits: IngestionConfig['limits'],
): Envelope | Refusal {
  if (span instanceof Refusal) return span;
  const large = tooLarge(text, span, limits);
  if (large !== undefined) return large;
  const members = objectMembers(text, span, 'the item');
  if (members instanceof Refusal) return members;
  if (batchFormat(text, members) !== undefined)
    return new Refusal('batch_nested', 'a batch envelope must be a message of its own');
  return readEnvelope(text, members);
}

/** A UTF-16 unit is at most three bytes of UTF-8, so short items need no counting. */
function tooLarge(
  text: string,
  { start, end }: Span,
  { itemBytes }: IngestionConfig['limits'],
): Refusal | undefined {
  if ((end - start) * 3 <= itemBytes) return undefined;
  return tooManyBytes(Buffer.byteLength(text.slice(start, end)), { itemBytes });
}

function tooManyBytes(
  bytes: number,
  { itemBytes }: Pick<IngestionConfig['limits'], 'itemBytes'>,
): Refusal | undefined {
  if (bytes <= itemBytes) return undefined;
  return new Refusal(
    'item_too_large',
    `the item has ${bytes} bytes, at most ${itemBytes} are taken`,
  );
}

/** `batch/1` or `batch/2`, when the object is one. */
function batchFormat(text: string, members: readonly MemberSpan[]): string | undefined {
  const format = members.find((member) => member.name === 'format');
  if (format === undefined) return undefined;
  return /^"(batch\/[12])"$/.exec(text.slice(format.start, format.end))?.[1];
}

function frameBatch(
  text: string,
  all: readonly MemberSpan[],
  isChained: boolean,
  limits: IngestionConfig['limits'],
): Frame | Refusal {
  const fields = isChained ? [...BATCH_FIELDS, ...CHAIN_FIELDS] : BATCH_FIELDS;
  const members: Members | Refusal = closedMembers(all, fields, 'the batch');
  if (members instanceof Refusal) return members;
  const nonce = bytesField(text, members.batch_nonce, 'batch_nonce');
  if (nonce instanceof Refusal) return nonce;
  if (members.items === undefined || nonce === undefined)
    return new Refusal('envelope_incomplete', 'a batch needs batch_nonce, items and signature');
  if (nonce.length < BATCH_NONCE_BYTES.least || nonce.length > BATCH_NONCE_BYTES.most)
    return new Refusal('envelope_invalid', '"batch_nonce" must be 16 to 64 bytes');
  if (text[members.items.start] !== '[')
    return new Refusal('envelope_invalid', '"items" must be an array');
  const array = arraySpans(text, members.items.start, limits.batchItems);
  if (array instanceof Refusal) return array;
  if (array.spans.length === 0) return new Refusal('batch_empty', 'the batch has no items');
  if (array.spans.length > limits.batchItems)
    return new Refusal('too_many_items', `a batch has at most ${limits.batchItems} items`);
  const signature =
    members.signature === undefined ? undefined : readSignature(text, members.signature);
  if (signature instanceof Refusal) return signature;
  const items = array.spans.map((item) => {
    const envelope = frameItem(text, item, limits);
    if (envelope instanceof Refusal || envelope.signature === undefined) return envelope;
    return new Refusal('batch_item_signed', 'an item of a batch has no signature of its own');
  });
  if (signature === undefined && !isChained) return { form: 'many', items, batch: { nonce } };
  if (signature === undefined)
    return new Refusal('envelope_incomplete', 'a batch/2 needs its signature');
  if (!isChained) return { form: 'many', items, batch: { nonce, signature } };
  const chain = readChain(text, members, items.length);
  if (chain instanceof Refusal) return chain;
  return { form: 'many', items, batch: { nonce, signature, chain } };
}

type Members = Readonly<
  Partial<Record<(typeof BATCH_FIELDS)[number] | (typeof CHAIN_FIELDS)[number], MemberSpan>>
>;

/** The place of a `batch/2`: hash of the batch before, and the numbers of its readings. */
function readChain(text: string, members: Members, count: number): ChainPlace | Refusal {
  const invalid = (what: string): Refusal => new Refusal('batch_chain_invalid', what);
  const previous = stringField(text, members.previous, 'previous');
  if (previous instanceof Refusal) return previous;
  if (previous === undefined || !/^[0-9a-f]{64}$/.test(previous))
    return invalid(
      '"previous" must be 64 lower-case hex digits: the hash of the batch before, or zeros',
    );
  const number = (span: Span | undefined): bigint | undefined => {
    const literal = span === undefined ? '' : text.slice(span.start, span.end);
    // Up to 2⁵³ − 1, as reading/1 has it.
    if (!/^(?:0|[1-9]\d{0,15})$/.test(literal) || !Number.isSafeInteger(Number(literal)))
      return undefined;
    return BigInt(literal);
  };
  const first = number(members.first);
  const last = number(members.last);
  if (first === undefined || last === undefined)
    return invalid('"first" and "last" must be integers from 0 to 2^53 − 1');
  if (last - first + 1n !== BigInt(count))
    return invalid(`readings ${first} to ${last} are not ${count}, as many as the batch has items`);
  return { previous: fromHex(previous), first, last };
}
