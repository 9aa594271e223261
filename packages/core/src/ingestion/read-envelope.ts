import { bytesField, closedMembers, objectMembers, stringField } from './envelope-fields.js';
import type { Envelope, NamedSignature } from './envelope.js';
import type { MemberSpan, Span } from './json-spans.js';
import { OCMF_HEAD, readOcmf } from './ocmf-envelope.js';
import { quoted, Refusal } from './refusal.js';
import { readCose, readJws } from './wrapped-envelope.js';

const SIGNATURE_FIELDS = ['alg', 'key_id', 'value'] as const;

/** The `signature` object of an envelope. */
export function readSignature(text: string, span: Span): NamedSignature | Refusal {
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

const ENVELOPE_FIELDS = ['format', 'document', 'bytes', 'signature', 'jws', 'cose'] as const;

/** The envelope that has these members. */
export function readEnvelope(text: string, all: readonly MemberSpan[]): Envelope | Refusal {
  const members = closedMembers(all, ENVELOPE_FIELDS, 'the envelope');
  if (members instanceof Refusal) return members;
  const format = stringField(text, members.format, 'format');
  if (format instanceof Refusal) return format;
  const content = readContent(text, members);
  if (content instanceof Refusal) return content;
  if (members.jws !== undefined || members.cose !== undefined)
    return readWrapped(text, members, format, content);
  if (format === undefined)
    return new Refusal('envelope_incomplete', 'the envelope needs "format"');
  if (content === undefined)
    return new Refusal('envelope_incomplete', 'the envelope needs either "document" or "bytes"');
  if (format === 'ocmf') return readRecord(content, members.signature !== undefined);
  const signature =
    members.signature === undefined ? undefined : readSignature(text, members.signature);
  if (signature instanceof Refusal) return signature;
  return signature === undefined ? { format, content } : { format, content, signature };
}

type Members = Readonly<Partial<Record<(typeof ENVELOPE_FIELDS)[number], MemberSpan>>>;

function readContent(
  text: string,
  { document, bytes: encoded }: Members,
): Envelope['content'] | undefined | Refusal {
  if (document !== undefined && encoded !== undefined)
    return new Refusal('envelope_incomplete', 'the envelope needs either "document" or "bytes"');
  if (document !== undefined)
    return { kind: 'document', text: text.slice(document.start, document.end) };
  const bytes = bytesField(text, encoded, 'bytes');
  if (bytes === undefined || bytes instanceof Refusal) return bytes;
  return { kind: 'bytes', bytes };
}

/** A document signed as JWS or COSE_Sign1, which say its format themselves. */
function readWrapped(
  text: string,
  members: Members,
  format: string | undefined,
  content: Envelope['content'] | undefined,
): Envelope | Refusal {
  const given = ['signature', 'jws', 'cose'].filter((name) => Object.hasOwn(members, name));
  if (given.length > 1)
    return new Refusal('envelope_invalid', `the envelope is signed twice: ${given.join(' and ')}`);
  const compact = stringField(text, members.jws, 'jws');
  if (compact instanceof Refusal) return compact;
  const cose = bytesField(text, members.cose, 'cose');
  if (cose instanceof Refusal) return cose;
  const read = compact === undefined ? readCose(cose!, content) : readJws(compact, content);
  if (read instanceof Refusal || format === undefined || read.format === format) return read;
  return new Refusal(
    'envelope_invalid',
    `the envelope says format ${quoted(format)}, what was signed says ${quoted(read.format)}`,
  );
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** An OCMF record as bytes: with its signature, or the payload alone, which is then unsigned. */
function readRecord(content: Envelope['content'], isSigned: boolean): Envelope | Refusal {
  if (content.kind === 'document' || isSigned)
    return new Refusal(
      'envelope_invalid',
      'an OCMF record comes as "bytes", exactly as the meter wrote it, with its own signature',
    );
  let record: string;
  try {
    record = decoder.decode(content.bytes);
  } catch {
    return new Refusal('json_utf8', '"bytes" are not valid UTF-8');
  }
  return record.startsWith(OCMF_HEAD) ? readOcmf(record) : { format: 'ocmf', content };
}
