import fc from 'fast-check';
import { fromUtf8 } from '../../../src/verify/bytes.js';
import { canonicalJson, canonicalizeJsonText } from '../../../src/verify/rfc8785.js';

describe('canonicalJson', () => {
  const values = fc.jsonValue({ maxDepth: 4, stringUnit: 'binary' });

  it('is a fixed point: reading what it wrote and writing it again changes nothing', () => {
    fc.assert(
      fc.property(values, (value) => {
        const once = canonicalJson(value);
        expect(fromUtf8(canonicalizeJsonText(once))).toBe(once);
        expect(canonicalJson(JSON.parse(once))).toBe(once);
      }),
    );
  });

  it('does not depend on the order of members', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'binary' }), values), (object) => {
        const reversed = Object.fromEntries(Object.entries(object).toReversed());
        expect(canonicalJson(reversed)).toBe(canonicalJson(object));
      }),
    );
  });

  it('writes −0 as 0 and keeps the digits of doubles', () => {
    expect(canonicalJson([-0, 1e-7, 1e21, 5e-324])).toBe('[0,1e-7,1e+21,5e-324]');
  });

  it('writes bigints a double holds and refuses the others', () => {
    expect(canonicalJson(2n ** 53n)).toBe('9007199254740992');
    expect(() => canonicalJson(2n ** 53n + 1n)).toThrow('not exactly a double');
    expect(() => canonicalJson(10n ** 25n)).toThrow('not exactly a double');
  });

  for (const [what, value] of [
    ['NaN', Number.NaN],
    ['an infinity', [Number.POSITIVE_INFINITY]],
    ['undefined', { a: undefined }],
    ['a function', { a: () => 1 }],
    ['a symbol', Symbol('a')],
    ['a Date', { a: new Date(0) }],
    ['a Map', new Map()],
    ['bytes', Uint8Array.of(1)],
    ['half a surrogate pair', '\ud800'],
    ['half a surrogate pair in a name', { '\ud800': 1 }],
  ] as const)
    it(`refuses ${what}`, () => {
      expect(() => canonicalJson(value)).toThrow();
    });

  it('refuses cycles instead of running into them', () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(() => canonicalJson(cycle)).toThrow('Nested deeper');
  });

  it('rounds fractions but never integers when it reads text', () => {
    expect(fromUtf8(canonicalizeJsonText('333333333.33333329'))).toBe('333333333.3333333');
    expect(() => canonicalizeJsonText('9007199254740993.0')).toThrow('would be read as');
    expect(() => canonicalizeJsonText('1e-400')).toThrow('would be read as');
  });
});
