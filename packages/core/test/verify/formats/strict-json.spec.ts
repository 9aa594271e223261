import fc from 'fast-check';
import { utf8 } from '../../../src/verify/bytes.js';
import type { JsonError } from '../../../src/verify/json/json-error.js';
import { JsonNumber } from '../../../src/verify/json/number-literal.js';
import { parseJson } from '../../../src/verify/json/parse.js';
import { MemberNames } from '../../../src/verify/json/member-names.js';
import { JsonReader, MAX_JSON_DEPTH } from '../../../src/verify/json/reader.js';
import {
  asciiBytes,
  asciiBytesByUnit,
  utf16Units,
  utf16UnitsByUnit,
} from '../../../src/verify/native-text.js';

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return (error as JsonError).code;
  }
  return 'accepted';
}

describe('the strict JSON reader', () => {
  it('agrees with JSON.parse on everything JSON.stringify writes of well-formed values', () => {
    fc.assert(
      fc.property(
        fc.jsonValue({ maxDepth: 5, stringUnit: 'binary' }),
        fc.nat(3),
        (value, indent) => {
          const text = JSON.stringify(value, undefined, indent);
          expect(parseJson(text)).toEqual(JSON.parse(text));
          expect(parseJson(utf8(text))).toEqual(JSON.parse(text));
        },
      ),
    );
  });

  it('accepts no text that JSON.parse refuses', () => {
    const noise = fc.array(fc.constantFrom(...'{}[]",:\\u0d8ntfalse-+.eE19 \n\u0001é'), {
      maxLength: 12,
    });
    fc.assert(
      fc.property(noise, (parts) => {
        const text = parts.join('');
        if (codeOf(() => parseJson(text, 'literal')) !== 'accepted') return;
        expect(() => JSON.parse(text) as unknown).not.toThrow();
      }),
      { numRuns: 3000 },
    );
  });

  const refusals: [string, string | Uint8Array, string][] = [
    ['json_duplicate_key', '{"a":1,"a":2}', 'a name twice'],
    ['json_duplicate_key', String.raw`{"a":1,"\u0061":2}`, 'a name twice in two spellings'],
    ['json_duplicate_key', '{"__proto__":1,"__proto__":2}', '__proto__ twice'],
    ['json_duplicate_key', '[{"x":{"b":1,"b":1}}]', 'a name twice further down'],
    ['json_lone_surrogate', String.raw`"\ud800"`, 'an escaped high surrogate'],
    ['json_lone_surrogate', String.raw`"\udc00\ud800"`, 'a swapped pair'],
    ['json_lone_surrogate', '"\ud83d"', 'a raw high surrogate'],
    ['json_lone_surrogate', String.raw`{"\udfff":1}`, 'a lone surrogate in a name'],
    ['json_bom', '\ufeff{}', 'a byte order mark'],
    ['json_bom', Uint8Array.of(0xef, 0xbb, 0xbf, 0x31), 'a byte order mark in bytes'],
    ['json_utf8', Uint8Array.of(0x22, 0xc3, 0x28, 0x22), 'invalid UTF-8'],
    ['json_utf8', Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22), 'a surrogate in UTF-8'],
    ['json_trailing_data', '{"a":0.1}{"b":1}', 'a second value'],
    ['json_trailing_data', '1 2', 'a second number'],
    ['json_trailing_data', '01', 'a leading zero'],
    ['json_trailing_data', '{}\u0000', 'a NUL at the end'],
    ['json_control_character', '"\n"', 'a raw newline in a string'],
    ['json_control_character', '"\u0000"', 'a raw NUL in a string'],
    ['json_bad_escape', String.raw`"\x41"`, 'an escape JSON does not know'],
    ['json_bad_escape', String.raw`"\u00g0"`, 'a bad hex digit'],
    ['json_bad_escape', String.raw`"\u00`, 'an escape cut short'],
    ['json_syntax', '', 'nothing'],
    ['json_syntax', '"abc', 'a string without end'],
    ['json_syntax', '{"a":1', 'an object without end'],
    ['json_syntax', '[1,]', 'a trailing comma'],
    ['json_syntax', '{"a":NaN}', 'NaN'],
    ['json_syntax', '[-Infinity]', 'an infinity'],
    ['json_syntax', '+1', 'a plus sign'],
    ['json_syntax', '.5', 'a number without integer part'],
    ['json_syntax', '5.', 'a number without fraction digits'],
    ['json_syntax', '1e', 'a number without exponent digits'],
    ['json_syntax', "{'a':1}", 'single quotes'],
    ['json_syntax', '{a:1}', 'a name without quotes'],
    ['json_syntax', 'nul', 'half a word'],
    ['json_syntax', '\u00a01', 'white space JSON does not know'],
    ['json_number_overflow', '1e400', 'a number beyond a double'],
    ['json_number_overflow', '1e99999999999999999999', 'an exponent beyond everything'],
    ['json_number_precision', '9007199254740993', '2^53 + 1'],
    ['json_number_precision', '0.1000000000000000055', 'digits a double drops'],
    ['json_number_precision', '1e-400', 'a number below every double'],
    ['json_number_precision', '1e-99999999999999999999', 'an exponent below everything'],
  ];
  for (const [code, text, what] of refusals)
    it(`refuses ${what} as ${code}`, () => {
      expect(codeOf(() => parseJson(text))).toBe(code);
    });

  it('reads -0, 1e-7, 0e999 and long zeros as the doubles they are', () => {
    expect(parseJson('-0')).toBe(-0);
    expect(parseJson('1e-7')).toBe(1e-7);
    expect(parseJson('0.00000010')).toBe(1e-7);
    expect(parseJson('0e999999999999')).toBe(0);
    expect(parseJson(`1${'0'.repeat(22)}`)).toBe(1e22);
    expect(parseJson('9007199254740992')).toBe(2 ** 53);
  });

  it('takes exactly the literals whose shortest form is their own value', () => {
    fc.assert(
      fc.property(
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.nat(9),
        (value, digit) => {
          const literal = JSON.stringify(value);
          expect(parseJson(literal)).toBe(Object.is(value, -0) ? 0 : value);
          if (value === 0) return;
          // Twenty digits never are the shortest form unless they end in zeros.
          const long = value.toExponential(19).replace(/\de/, `${digit === 0 ? 1 : digit}e`);
          expect(codeOf(() => parseJson(long))).toBe('json_number_precision');
        },
      ),
    );
  });

  it('keeps literals when asked to', () => {
    expect(parseJson('[1.50, 1e400]', 'literal')).toEqual([
      new JsonNumber('1.50'),
      new JsonNumber('1e400'),
    ]);
  });

  it(`nests ${MAX_JSON_DEPTH} levels and not one more`, () => {
    const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
    expect(codeOf(() => parseJson(nested(MAX_JSON_DEPTH)))).toBe('accepted');
    expect(codeOf(() => parseJson(nested(MAX_JSON_DEPTH + 1)))).toBe('json_too_deep');
    expect(codeOf(() => parseJson('{"a":'.repeat(100_000)))).toBe('json_too_deep');
    expect(codeOf(() => parseJson(`[${nested(2)},${nested(2)}]`))).toBe('accepted');
    expect(codeOf(() => parseJson(`[${'[],{},'.repeat(100)}0]`))).toBe('accepted');
  });

  it('keeps a member named __proto__ as a member', () => {
    const object = parseJson('{"__proto__":{"x":1}}') as object;
    expect(Object.keys(object)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(object)).toBe(Object.prototype);
  });

  it('says at which character it stopped', () => {
    expect(() => parseJson('{"a":1,"a":2}')).toThrow('"a" occurs twice at character 11');
  });

  it('finds the members of a schema in any order and spelling, and checks those it drops', () => {
    const names = new MemberNames(['id', 'ids', 'tx'], { tx: new MemberNames(['id']) });
    const read = (text: string): unknown => new JsonReader(text, 'exact').members(names);
    expect(read(String.raw`{"x":[1],"\u0069d":1,"tx":{"id":2,"y":3}, "ids" : 4 }`)).toEqual({
      values: [1, 4, { values: [2] }],
    });
    expect(codeOf(() => read(String.raw`{"id":1,"\u0069d":1}`))).toBe('json_duplicate_key');
    expect(codeOf(() => read('{"x":1,"x":1}'))).toBe('json_duplicate_key');
    expect(codeOf(() => read('{"x":{"y":1,"y":1}}'))).toBe('json_duplicate_key');
    expect(codeOf(() => read('{"tx":{"id":1,"id":1}}'))).toBe('json_duplicate_key');
    expect(codeOf(() => read('{"x":"\ud800"}'))).toBe('json_lone_surrogate');
  });
});

describe('conversions with and without the help of the runtime', () => {
  it('give the same bytes and units, in memory of their own', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 50 }),
        fc.string({ unit: 'grapheme-ascii' }),
        (text, ascii) => {
          expect(utf16Units(text)).toEqual(utf16UnitsByUnit(text));
          expect(asciiBytes(ascii)).toEqual(asciiBytesByUnit(ascii));
        },
      ),
    );
    const bytes = asciiBytes('abc');
    bytes.slice()[0] = 0;
    expect(bytes).toEqual(Uint8Array.of(97, 98, 99));
  });
});
