import { devices, HOSTILE_NOW_MS, type HostileBody } from './hostile-scene.js';

const refused = (
  name: string,
  body: string | Uint8Array,
  code: string,
  status = 400,
  contentType: HostileBody['contentType'] = 'application/json',
): HostileBody => ({ name, body, contentType, expect: { verdict: 'refused', code, status } });

const bytes = (...parts: (string | number[])[]): Uint8Array =>
  Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))),
  );

/** Sizes, encodings and framing. */
export function hostileMessages(): readonly HostileBody[] {
  const good = JSON.stringify(devices.active.signed(devices.active.reading(HOSTILE_NOW_MS)));
  const other = (minutes: number): string =>
    JSON.stringify(
      devices.active.signed(devices.active.reading(HOSTILE_NOW_MS - minutes * 60_000)),
    );
  const ndjson = 'application/x-ndjson' as const;
  const item = (
    name: string,
    body: string,
    code: string,
    at: number,
    acceptedBeside: number,
    contentType: HostileBody['contentType'] = 'application/json',
  ): HostileBody => ({
    name,
    body,
    contentType,
    expect: { verdict: 'rejected', code, status: 200, item: at, acceptedBeside },
  });
  return [
    refused('an empty body', '', 'message_empty'),
    refused('white space only', ' \n\t ', 'json_syntax'),
    refused('an empty list', '[]', 'message_empty'),
    // Both cost seconds when every line looks at the rest of the message.
    refused('1 MiB of empty NDJSON lines', '\n'.repeat(1024 * 1024), 'message_empty', 400, ndjson),
    item(
      '1,000 NDJSON lines that stay open, in 1 MiB',
      `${'{\n'.repeat(1000)}${' '.repeat(1_000_000)}`,
      'json_syntax',
      999,
      0,
      ndjson,
    ),
    refused('empty NDJSON lines only', '\n\n\r\n', 'message_empty', 400, ndjson),
    refused('more than 1 MiB', `[${' '.repeat(1024 * 1024)}]`, 'message_too_large', 413),
    refused(
      '1 MiB and one byte',
      bytes(new Array(1024 * 1024 + 1).fill(0x20) as number[]),
      'message_too_large',
      413,
    ),
    refused('1,001 items', `[${new Array(1001).fill('{}').join(',')}]`, 'too_many_items', 413),
    refused(
      '1,001 NDJSON lines',
      new Array(1001).fill('{}').join('\n'),
      'too_many_items',
      413,
      ndjson,
    ),
    refused(
      '100,000 empty objects',
      `[${new Array(100_000).fill('{}').join(',')}]`,
      'too_many_items',
      413,
    ),
    refused('a lone continuation byte', bytes('{"format":"', [0x80], '"}'), 'json_utf8'),
    refused('an overlong encoding', bytes('{"format":"', [0xc0, 0xaf], '"}'), 'json_utf8'),
    refused('an encoded surrogate', bytes('{"format":"', [0xed, 0xa0, 0x80], '"}'), 'json_utf8'),
    refused(
      'a code point beyond U+10FFFF',
      bytes('{"a":"', [0xf4, 0x90, 0x80, 0x80], '"}'),
      'json_utf8',
    ),
    refused('a cut multi-byte character', bytes('{"a":"', [0xe2, 0x82]), 'json_utf8'),
    refused('UTF-16 with its mark', bytes([0xff, 0xfe], good), 'json_utf8'),
    refused('a byte order mark', bytes([0xef, 0xbb, 0xbf], good), 'json_bom'),
    refused('Latin-1', bytes('{"format":"r', [0xe9], 'ading/1"}'), 'json_utf8'),
    refused('gzip', bytes([0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0]), 'json_utf8'),
    refused('an object that does not end', good.slice(0, -1), 'json_syntax'),
    refused('half an object', good.slice(0, good.length / 2), 'json_syntax'),
    refused('a string that does not end', '{"format":"reading/1', 'json_syntax'),
    refused('an escaped quote at the end', '{"format":"reading/1\\"}', 'json_syntax'),
    refused('two objects in a row', `${good}${good}`, 'json_syntax'),
    refused('something behind the object', `${good} x`, 'json_syntax'),
    refused('something behind the list', `[${good}]]`, 'json_syntax'),
    refused('a list that does not end', `[${good}`, 'json_syntax'),
    refused('a list with a trailing comma', `[${good},]`, 'json_syntax'),
    refused('a list with a missing comma', `[${good} ${good}]`, 'json_syntax'),
    refused('a list that begins with a comma', `[,${good}]`, 'json_syntax'),
    refused('100,000 open brackets', '['.repeat(100_000), 'json_syntax'),
    refused('100,000 open braces', '{"a":'.repeat(100_000), 'json_syntax'),
    refused('a number', '42', 'envelope_not_object'),
    refused('a string', '"reading"', 'envelope_not_object'),
    refused('null', 'null', 'envelope_not_object'),
    refused('true', 'true', 'envelope_not_object'),
    refused('a JavaScript comment', `// reading\n${good}`, 'json_syntax'),
    refused('XML', '<reading/>', 'envelope_not_object'),
    item('a number in a list', `[${good},42]`, 'envelope_not_object', 1, 1),
    item('null in a list', `[null,${good}]`, 'envelope_not_object', 0, 1),
    item('a list in a list', `[${good},[${other(15)}]]`, 'envelope_not_object', 1, 1),
    item('an empty object in a list', `[{},${good}]`, 'envelope_incomplete', 0, 1),
    item('a cut NDJSON line', `${good}\n{"format":\n${other(15)}\n`, 'json_syntax', 1, 2, ndjson),
    item('two values on an NDJSON line', `${good} {}\n${other(15)}`, 'json_syntax', 0, 1, ndjson),
    item(
      'a list as an NDJSON line',
      `[${good}]\n${other(15)}`,
      'envelope_not_object',
      0,
      1,
      ndjson,
    ),
    item(
      'an item of more than 64 KiB',
      `[{"format":"reading/1","document":{"v":"${'x'.repeat(65_536)}"}},${good}]`,
      'item_too_large',
      0,
      1,
    ),
    item(
      'an item of more than 64 KiB in three-byte characters',
      `[{"format":"reading/1","document":{"v":"${'€'.repeat(22_000)}"}},${good}]`,
      'item_too_large',
      0,
      1,
    ),
    {
      name: 'a single envelope of more than 64 KiB',
      body: `{"format":"reading/1","document":{"v":"${'x'.repeat(65_536)}"}}`,
      expect: { verdict: 'rejected', code: 'item_too_large', status: 413 },
    },
  ];
}
