import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type ClientMessage, MessageFault, readBinary, readText } from '../src/client-message.js';
import { memberSpans } from '../src/json-members.js';

const read = (text: string): ClientMessage => readText(Buffer.from(text));
const fault = (text: string | Buffer): string => {
  try {
    if (typeof text === 'string') read(text);
    else readBinary(text);
    return 'read';
  } catch (error) {
    if (!(error instanceof MessageFault)) throw error;
    return `${error.code} ${error.id}`;
  }
};

describe('The members of a message', () => {
  const name = fc.string({ maxLength: 8 }).filter((text) => !/["\\\p{Cc}]/u.test(text));
  it('lie where a parser finds them, whatever is in them', () => {
    fc.assert(
      fc.property(
        fc.dictionary(name, fc.jsonValue({ maxDepth: 4 }), { maxKeys: 8, noNullPrototype: true }),
        fc.constantFrom('', ' ', '\n\t'),
        (object, space) => {
          const inside = Object.entries(object).map(
            ([key, value]) =>
              `${space}${JSON.stringify(key)}${space}:${space}${JSON.stringify(value, null, 1)}${space}`,
          );
          const bytes = Buffer.from(`${space}{${inside.join(',') || space}}${space}`);
          const spans = memberSpans(bytes);
          const found = [...spans!].map(([key, { start, end }]) => [
            key,
            JSON.parse(bytes.subarray(start, end).toString()),
          ]);
          expect(found).toEqual(Object.entries(JSON.parse(bytes.toString()) as object));
        },
      ),
    );
  });

  it('of any bytes are found or not, and nothing is thrown', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 40 }),
          fc
            .array(fc.constantFrom('{', '}', '[', ']', '"', '\\', ',', ':', 'a', ' ', '1'))
            .map((parts) => Buffer.from(parts.join(''))),
        ),
        (bytes) => {
          memberSpans(bytes);
          expect(['string', 'object']).toContain(typeof attempt(bytes));
        },
      ),
      { numRuns: 2_000 },
    );
    function attempt(bytes: Uint8Array): unknown {
      return fault(Buffer.from(bytes).toString('latin1')) && fault(Buffer.from(bytes));
    }
  });
});

describe('A message that cannot be read', () => {
  it.each([
    ['', 'json_invalid null'],
    ['[]', 'json_invalid null'],
    ['{"type":"readings","id":"a","body":{}', 'json_invalid null'],
    ['{"type":"readings","id":"a","body":{}} x', 'json_invalid null'],
    ['{"type":"readings","id":"a","id":"b","body":{}}', 'json_invalid null'],
    ['{"type":"challenge","t\\u0079pe":"x"}', 'json_invalid null'],
    [`{${Array.from({ length: 17 }, (_, n) => `"m${n}":1`).join()}}`, 'json_invalid null'],
    ['{}', 'type_unknown null'],
    ['{"type":"hello"}', 'type_unknown null'],
    ['{"type":"__proto__"}', 'type_unknown null'],
    ['{"type":"constructor"}', 'type_unknown null'],
    ['{"type":7}', 'member_invalid null'],
    ['{"type":"\\ud800"}', 'json_lone_surrogate null'],
    ['{"type":"readings","body":{}}', 'id_invalid null'],
    ['{"type":"readings","id":"a b","body":{}}', 'id_invalid null'],
    [`{"type":"readings","id":"${'x'.repeat(65)}","body":{}}`, 'member_invalid null'],
    ['{"type":"readings","id":"a"}', 'member_missing a'],
    ['{"type":"readings","id":"a","body":{},"__proto__":{}}', 'member_unknown a'],
    [
      '{"type":"readings","id":"a","content_type":"application/cose","body":"x"}',
      'content_type_unknown a',
    ],
    ['{"type":"readings","id":"a","content_type":"text/plain","body":{}}', 'member_invalid a'],
    ['{"type":"readings","id":"a","content_type":"text/plain"}', 'member_invalid a'],
    ['{"type":"subscribe","id":"a"}', 'types_invalid a'],
    ['{"type":"subscribe","id":"a","types":[]}', 'types_invalid a'],
    ['{"type":"subscribe","id":"a","types":["*"]}', 'types_invalid a'],
    ['{"type":"subscribe","id":"a","types":"reading.*"}', 'member_invalid a'],
    [`{"type":"subscribe","id":"a","types":[${'"a.b",'.repeat(32)}"a.b"]}`, 'member_invalid a'],
    [`{"type":"subscribe","id":"a","types":${'['.repeat(70)}${']'.repeat(70)}}`, 'json_too_deep a'],
    ['{"type":"subscribe","id":"a","types":["reading.*","redaing.accepted"]}', 'types_unknown a'],
    ['{"type":"subscribe","id":"a","types":["command.*"]}', 'types_unknown a'],
    ['{"type":"subscribe","id":"a","types":["reading.*"],"meter_ids":[""]}', 'member_invalid a'],
    ['{"type":"subscribe","id":"a","types":["reading.*"],"meter_ids":[]}', 'member_invalid a'],
    ['{"type":"auth","key":{}}', 'member_invalid null'],
  ])('%s', (text, said) => {
    expect(fault(text)).toBe(said);
  });

  it.each([
    [Buffer.alloc(0), 'frame_invalid null'],
    [Buffer.of(1, 0), 'frame_invalid null'],
    [Buffer.of(1, 3, 97), 'frame_invalid null'],
    [Buffer.of(1, 65, ...Array.from({ length: 65 }, () => 97)), 'frame_invalid null'],
    [Buffer.of(1, 1, 32), 'frame_invalid null'],
    [Buffer.of(0, 1, 97), 'frame_invalid a'],
    [Buffer.of(5, 1, 97), 'frame_invalid a'],
    [Buffer.of(255, 1, 97), 'frame_invalid a'],
    [Buffer.of(1, 1, 97), 'read'],
  ])('%j', (bytes, said) => {
    expect(fault(bytes)).toBe(said);
  });
});
