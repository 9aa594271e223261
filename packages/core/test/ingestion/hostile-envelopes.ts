import { readDocument } from '../../src/verify/formats/default-formats.js';
import { devices, HOSTILE_NOW_MS, type HostileBody } from './hostile-scene.js';

/** What the gateway alone may write, as it would write it. */
function systemDocuments(): readonly (readonly [string, object])[] {
  const at = new Date(HOSTILE_NOW_MS).toISOString();
  const vkey = `example.org/log+00000000+${Buffer.alloc(33, 1).toString('base64')}`;
  return [
    [
      'log-key/1',
      { v: 'log-key/1', origin: 'example.org/log', role: 'checkpoint', vkey, announced_at: at },
    ],
    ['erasure/1', { v: 'erasure/1', entry: 'log_0', reason: 'because', erased_at: at }],
    ['audit/1', { v: 'audit/1', actor: 'admin', action: 'approve', subject: 'meter-active', at }],
  ];
}

function canonicalText(format: string, document: object): string {
  return Buffer.from(readDocument(format, JSON.stringify(document)).bytes).toString();
}

/** Envelopes: closed fields, encodings, batches. */
export function hostileEnvelopes(): readonly HostileBody[] {
  const { active } = devices;
  const reading = active.reading(HOSTILE_NOW_MS);
  const good = active.signed(reading);
  const { format, document, signature } = good;
  const rejected = (name: string, body: unknown, code: string, status = 400): HostileBody => ({
    name,
    body: typeof body === 'string' ? body : JSON.stringify(body),
    expect: { verdict: 'rejected', code, status },
  });
  const refused = (name: string, body: unknown, code: string, status = 400): HostileBody => ({
    ...rejected(name, body, code, status),
    expect: { verdict: 'refused', code, status },
  });
  const signed = (change: object): object => ({
    format,
    document,
    signature: { ...signature, ...change },
  });
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const value = signature?.value as string;
  const text = JSON.stringify(good);
  const batch = active.batch([reading, active.reading(HOSTILE_NOW_MS - 900_000)]);
  const { batch_nonce, items, signature: batchSignature } = batch;
  const many = Array.from({ length: 1025 }, () => ({ format: 'reading/1', document: {} }));
  return [
    rejected('no format', { document, signature }, 'envelope_incomplete'),
    rejected('neither document nor bytes', { format, signature }, 'envelope_incomplete'),
    rejected('both document and bytes', { ...good, bytes: base64('{}') }, 'envelope_incomplete'),
    rejected('an unknown field', { ...good, note: 'hi' }, 'envelope_unknown_field'),
    rejected(
      '__proto__ as a field',
      text.replace('{', '{"__proto__":{},'),
      'envelope_unknown_field',
    ),
    rejected(
      'constructor as a field',
      text.replace('{', '{"constructor":{},'),
      'envelope_unknown_field',
    ),
    rejected(
      'format twice',
      text.replace('{', '{"format":"emlog-1.1",'),
      'envelope_duplicate_field',
    ),
    rejected('document twice', text.replace('{', '{"document":{},'), 'envelope_duplicate_field'),
    rejected('signature twice', text.replace('{', '{"signature":{},'), 'envelope_duplicate_field'),
    rejected(
      'format twice, once escaped',
      text.replace('{', '{"f\\u006frmat":"emlog-1.1",'),
      'envelope_duplicate_field',
    ),
    rejected('format as a number', { ...good, format: 1 }, 'envelope_invalid'),
    rejected('format as null', { ...good, format: null }, 'envelope_invalid'),
    rejected('format as a list', { ...good, format: ['reading/1'] }, 'envelope_invalid'),
    rejected('an empty format', { ...good, format: '' }, 'format_unknown'),
    rejected('an unknown format', { ...good, format: 'reading/2' }, 'format_unknown'),
    rejected('a format in capitals', { ...good, format: 'READING/1' }, 'format_unknown'),
    rejected('a format named like a method', { ...good, format: 'constructor' }, 'format_unknown'),
    rejected('a format with U+0000', { ...good, format: 'reading/1\u0000' }, 'format_unknown'),
    rejected('a broken escape in format', text.replace('reading/1', 'reading\\x'), 'json_syntax'),
    rejected(
      'a control character in format',
      text.replace('"reading/1"', '"reading/1\n"'),
      'json_syntax',
    ),
    refused('a missing colon', text.replace(':', ' '), 'json_syntax'),
    refused('a missing value', '{"format":,"document":{}}', 'json_syntax'),
    refused('a name without quotes', '{format:"reading/1","document":{}}', 'json_syntax'),
    refused('a name in single quotes', `{'format':"reading/1","document":{}}`, 'json_syntax'),
    refused('a trailing comma', `${text.slice(0, -1)},}`, 'json_syntax'),
    rejected('bytes as an object', { format, bytes: {}, signature }, 'envelope_invalid'),
    rejected('bytes without padding', { format, bytes: 'e30', signature }, 'base64_invalid'),
    rejected('bytes in the URL alphabet', { format, bytes: 'e-_9', signature }, 'base64_invalid'),
    rejected('bytes with a line break', { format, bytes: 'e30=\n', signature }, 'base64_invalid'),
    rejected('bytes with unused bits set', { format, bytes: 'e31=', signature }, 'base64_invalid'),
    rejected('bytes in hex', { format, bytes: '7b7d7', signature }, 'base64_invalid'),
    rejected('bytes that are not UTF-8', { format, bytes: '/w==', signature }, 'json_utf8'),
    rejected(
      'bytes with white space',
      { format, bytes: base64(JSON.stringify(reading, null, 1)), signature },
      'not_canonical',
    ),
    rejected(
      'bytes in another member order',
      { format, bytes: base64(JSON.stringify(reading)), signature },
      'not_canonical',
    ),
    rejected('empty bytes', { format, bytes: '', signature }, 'json_syntax'),
    rejected('signature as a string', { format, document, signature: 'x' }, 'envelope_not_object'),
    rejected('signature as null', { format, document, signature: null }, 'envelope_not_object'),
    rejected('an empty signature', { format, document, signature: {} }, 'envelope_incomplete'),
    rejected('a signature without alg', signed({ alg: undefined }), 'envelope_incomplete'),
    rejected('a signature without key_id', signed({ key_id: undefined }), 'envelope_incomplete'),
    rejected('a signature without value', signed({ value: undefined }), 'envelope_incomplete'),
    rejected('an unknown field in the signature', signed({ kid: 'x' }), 'envelope_unknown_field'),
    rejected('alg as a number', signed({ alg: 1 }), 'envelope_invalid'),
    rejected('a short key_id', signed({ key_id: 'abc' }), 'envelope_invalid'),
    rejected('a key_id in capitals', signed({ key_id: 'ABCDEF0123456789' }), 'envelope_invalid'),
    rejected(
      'a key_id with a line feed',
      signed({ key_id: '0123456789abcdef\n' }),
      'envelope_invalid',
    ),
    rejected('a signature value in hex', signed({ value: 'zz' }), 'base64_invalid'),
    rejected(
      'a signature value with white space',
      signed({ value: `${value} ` }),
      'base64_invalid',
    ),
    rejected('a log-key note sent as a reading', { format: 'log-key/1', document: {} }, 'missing'),
    ...systemDocuments().flatMap(([name, document]): HostileBody[] => [
      rejected(`a well-formed ${name}`, { format: name, document }, 'format_not_a_reading'),
      rejected(
        `a signed ${name} as bytes`,
        {
          format: name,
          bytes: base64(canonicalText(name, document)),
          signature: active.signature(name, document),
        },
        'format_not_a_reading',
      ),
      {
        name: `${name} on an NDJSON line`,
        body: `${JSON.stringify({ format: name, document })}\n`,
        contentType: 'application/x-ndjson',
        expect: { verdict: 'rejected', code: 'format_not_a_reading', status: 200 },
      },
      rejected(
        `${name} in a batch`,
        { ...batch, items: [{ format: name, document }] },
        'format_not_a_reading',
        200,
      ),
    ]),
    refused(
      'a batch without items',
      { format: 'batch/1', batch_nonce, signature: batchSignature },
      'envelope_incomplete',
    ),
    refused(
      'a batch without nonce',
      { format: 'batch/1', items, signature: batchSignature },
      'envelope_incomplete',
    ),
    refused('a batch with no item', { ...batch, items: [] }, 'batch_empty'),
    refused('a batch whose items are an object', { ...batch, items: {} }, 'envelope_invalid'),
    refused('a batch with an unknown field', { ...batch, device: 'x' }, 'envelope_unknown_field'),
    refused('a batch with a short nonce', { ...batch, batch_nonce: 'AAAA' }, 'envelope_invalid'),
    refused('a batch with a broken nonce', { ...batch, batch_nonce: '****' }, 'base64_invalid'),
    refused('a batch of 1,025 items', { ...batch, items: many }, 'too_many_items', 413),
    { ...rejected('a batch in a list', [batch], 'batch_nested', 200) },
    rejected('a batch with a signed item', { ...batch, items: [good] }, 'batch_item_signed', 200),
    rejected('a batch in a batch', { ...batch, items: [batch] }, 'batch_nested', 200),
    {
      ...rejected(
        'a batch with one broken item',
        { ...batch, items: [...(items as object[]), { format: 'reading/1', document: {} }] },
        'batch_item_invalid',
        200,
      ),
    },
  ];
}
