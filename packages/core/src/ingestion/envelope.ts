import { strictBase64 } from '../devices/strict-base64.js';
import { memberSpans, stringAt, type MemberSpan, type Span } from './json-spans.js';
import { quoted, Refusal } from './refusal.js';

export interface EnvelopeSignature {
  readonly alg: string;
  readonly keyId: string;
  readonly value: Uint8Array;
}

/** One item as it came: its format and either the raw text of its document or the bytes it says are canonical. */
export interface Envelope {
  readonly format: string;
  readonly content:
    | { readonly kind: 'document'; readonly text: string }
    | { readonly kind: 'bytes'; readonly bytes: Uint8Array };
  readonly signature?: EnvelopeSignature;
}

const SIGNATURE_FIELDS = ['alg', 'key_id', 'value'] as const;

/** Members of the object in `text[span]`, in order. */
export function objectMembers(
  text: string,
  span: Span,
  where: string,
): readonly MemberSpan[] | Refusal {
  if (text[span.start] !== '{')
    return new Refusal('envelope_not_object', `${where} must be a JSON object`);
  return memberSpans(text, span.start, span.end);
}

/** Members by name: a closed set of fields, each at most once. */
export function closedMembers<Field extends string>(
  members: readonly MemberSpan[],
  fields: readonly Field[],
  where: string,
): Readonly<Partial<Record<Field, MemberSpan>>> | Refusal {
  const found: Partial<Record<Field, MemberSpan>> = {};
  for (const member of members) {
    const name = member.name as Field;
    if (!fields.includes(name))
      return new Refusal(
        'envelope_unknown_field',
        `${where} has a field ${quoted(member.name)}; known are ${fields.join(', ')}`,
      );
    if (found[name] !== undefined)
      return new Refusal('envelope_duplicate_field', `${where} has "${name}" twice`);
    found[name] = member;
  }
  return found;
}

/** A string field, when it is there. */
export function stringField(
  text: string,
  span: Span | undefined,
  where: string,
): string | undefined | Refusal {
  if (span === undefined) return undefined;
  if (text[span.start] !== '"')
    return new Refusal('envelope_invalid', `"${where}" must be a string`);
  return stringAt(text, span.start, span.end);
}

/** A field of base64 bytes, when it is there. */
export function bytesField(
  text: string,
  span: Span | undefined,
  where: string,
): Uint8Array | undefined | Refusal {
  const encoded = stringField(text, span, where);
  if (encoded === undefined || encoded instanceof Refusal) return encoded;
  return (
    strictBase64(encoded) ??
    new Refusal('base64_invalid', `"${where}" is not padded base64 (RFC 4648 §4)`)
  );
}

/** The `signature` object of an envelope. */
export function readSignature(text: string, span: Span): EnvelopeSignature | Refusal {
  const all = objectMembers(text, span, 'signature');
  if (all instanceof Refusal) return all;
  const members = closedMembers(all, SIGNATURE_FIELDS, 'signature');
  if (members instanceof Refusal) return members;
  const alg = stringField(text, members.alg, 'signature.alg');
  if (alg instanceof Refusal) return alg;
  const keyId = stringField(text, members.key_id, 'signature.key_id');
  if (keyId instanceof Refusal) return keyId;
  const value = bytesField(text, members.value, 'signature.value');
  if (value instanceof Refusal) return value;
  if (alg === undefined || keyId === undefined || value === undefined)
    return new Refusal('envelope_incomplete', 'signature needs alg, key_id and value');
  if (!/^[0-9a-f]{16}$/.test(keyId))
    return new Refusal('envelope_invalid', '"signature.key_id" must be 16 lower-case hex digits');
  return { alg, keyId, value };
}

const ENVELOPE_FIELDS = ['format', 'document', 'bytes', 'signature'] as const;

/** The envelope that has these members. */
export function readEnvelope(text: string, all: readonly MemberSpan[]): Envelope | Refusal {
  const members = closedMembers(all, ENVELOPE_FIELDS, 'the envelope');
  if (members instanceof Refusal) return members;
  const format = stringField(text, members.format, 'format');
  if (format instanceof Refusal) return format;
  if (format === undefined)
    return new Refusal('envelope_incomplete', 'the envelope needs "format"');
  if ((members.document === undefined) === (members.bytes === undefined))
    return new Refusal('envelope_incomplete', 'the envelope needs either "document" or "bytes"');
  const signature =
    members.signature === undefined ? undefined : readSignature(text, members.signature);
  if (signature instanceof Refusal) return signature;
  let content: Envelope['content'];
  if (members.document === undefined) {
    const bytes = bytesField(text, members.bytes, 'bytes');
    if (bytes instanceof Refusal) return bytes;
    content = { kind: 'bytes', bytes: bytes! };
  } else {
    const { start, end } = members.document;
    content = { kind: 'document', text: text.slice(start, end) };
  }
  return signature === undefined ? { format, content } : { format, content, signature };
}
