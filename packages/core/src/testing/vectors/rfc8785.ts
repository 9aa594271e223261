import { fromHex, fromUtf8, toHex } from '../../verify/bytes.js';
import { canonicalJson, canonicalizeJsonText } from '../../verify/rfc8785.js';
import { sha256 } from '../../verify/sha256.js';
import { es6NumberLines } from './es6-numbers.js';
import type { VectorResult } from './vector-case.js';
import { attempt, mustEqual, mustThrow } from './vector-attempt.js';

interface Rfc8785File {
  readonly files?: readonly {
    readonly name: string;
    readonly input_json: string;
    readonly canonical_utf8_hex: string;
    readonly sha256: string;
  }[];
  readonly numbers?: readonly { readonly ieee754_hex: string; readonly es6: string | null }[];
  readonly energy_numbers?: readonly {
    readonly desc: string;
    readonly canonical: string;
    readonly json?: string;
  }[];
  readonly reject?: readonly {
    readonly json?: string;
    readonly json_hex?: string;
    readonly why: string;
  }[];
  readonly key_sorting?: readonly {
    readonly keys: readonly string[];
    readonly sorted_by_utf16: readonly string[];
  }[];
  readonly es6_number_file_checksums?: { readonly sha256: Readonly<Record<string, string>> };
}

/** Literals that the descriptions of the published energy numbers stand for. */
const ENERGY_LITERALS: Readonly<Record<string, string>> = {
  'kWh 0.1+0.2': '0.30000000000000004',
  '1.0 as written': '1.0',
  '1e3 as written': '1e3',
  '-0': '-0',
  '2^53-1': '9007199254740991',
  tiny: '0.0000001',
  'register 12 digits 3 dp': '123456789012.345',
};

/**
 * RFC 8785: files, numbers, refusals, key order, and the checksums of the deterministic number file
 * up to `maxLines` lines (the full one takes seconds).
 */
export function* run(file: unknown, maxLines = 100_000): Iterable<VectorResult> {
  const vectors = file as Rfc8785File;
  for (const { name, input_json, canonical_utf8_hex, sha256: hash } of vectors.files ?? [])
    yield attempt(`file ${name}`, () => {
      const bytes = canonicalizeJsonText(input_json);
      return mustEqual(toHex(bytes), canonical_utf8_hex) ?? mustEqual(toHex(sha256(bytes)), hash);
    });
  for (const { ieee754_hex, es6 } of vectors.numbers ?? [])
    yield attempt(`number ${ieee754_hex}`, () => {
      const bytes = fromHex(ieee754_hex);
      const value = new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0);
      return es6 === null
        ? mustThrow(() => canonicalJson(value))
        : mustEqual(canonicalJson(value), es6);
    });
  for (const { desc, canonical, json } of vectors.energy_numbers ?? [])
    yield attempt(`energy number ${desc}`, () =>
      mustEqual(
        fromUtf8(canonicalizeJsonText(json ?? ENERGY_LITERALS[desc] ?? canonical)),
        canonical,
      ),
    );
  for (const { json, json_hex, why } of vectors.reject ?? [])
    yield attempt(`refusal: ${why}`, () =>
      mustThrow(() => canonicalizeJsonText(json_hex === undefined ? json! : fromHex(json_hex))),
    );
  for (const { keys, sorted_by_utf16 } of vectors.key_sorting ?? [])
    yield attempt('key order', () => {
      const object = Object.fromEntries(keys.map((key) => [key, 0]));
      // An object would list "1" first whatever its insertion order, so the wanted text is built by hand.
      const text = sorted_by_utf16.map((key) => `${JSON.stringify(key)}:0`).join(',');
      return mustEqual(canonicalJson(object), `{${text}}`);
    });
  const checksums = Object.entries(vectors.es6_number_file_checksums?.sha256 ?? {});
  for (const [lines, wanted] of checksums)
    if (Number(lines) <= maxLines)
      yield attempt(`the first ${lines} lines of the number file`, () =>
        mustEqual(toHex(sha256(es6NumberLines(Number(lines)))), wanted),
      );
}
