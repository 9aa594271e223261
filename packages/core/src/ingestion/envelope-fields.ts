import { strictBase64 } from '../devices/strict-base64.js';
import { memberSpans, stringAt, type MemberSpan, type Span } from './json-spans.js';
import { quoted, Refusal } from './refusal.js';

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
