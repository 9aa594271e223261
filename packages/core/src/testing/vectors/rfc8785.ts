import { fromHex, fromUtf8, toHex } from '../../verify/bytes.js';
import { canonicalJson, canonicalizeJsonText } from '../../verify/rfc8785.js';
import { sha256 as hash } from '../../verify/sha256.js';
import { es6NumberChecksums } from './es6-numbers.js';
import {
  attempt,
  each,
  guarded,
  mustEqual,
  mustThrow,
  unknownGroups,
  type VectorResult,
} from './vector-case.js';

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
  '2^53-1': '9007199254740991',
  tiny: '0.0000001',
  'register 12 digits 3 dp': '123456789012.345',
};

/**
 * RFC 8785: files, numbers, refusals, key order, and the checksums of the deterministic number file
 * up to `maxLines` lines (a million take seconds).
 */
export function* run(file: unknown, maxLines = Number.MAX_SAFE_INTEGER): Iterable<VectorResult> {
  const vectors = file as Rfc8785File;
  yield* each('files', vectors.files, function* ({ name, input_json, canonical_utf8_hex, sha256 }) {
    yield attempt(`file ${name}`, () => {
      const bytes = canonicalizeJsonText(input_json);
      return mustEqual(toHex(bytes), canonical_utf8_hex) ?? mustEqual(toHex(hash(bytes)), sha256);
    });
    yield attempt(`file ${name}: its canonical form is its own`, () =>
      mustEqual(toHex(canonicalizeJsonText(fromHex(canonical_utf8_hex))), canonical_utf8_hex),
    );
  });
  yield* each('numbers', vectors.numbers, function* ({ ieee754_hex, es6 }) {
    yield attempt(`number ${ieee754_hex}`, () => {
      const value = new DataView(fromHex(ieee754_hex).buffer).getFloat64(0);
      if (es6 === null) return mustThrow(() => canonicalJson(value));
      return (
        mustEqual(canonicalJson(value), es6) ?? mustEqual(fromUtf8(canonicalizeJsonText(es6)), es6)
      );
    });
  });
  yield* each('energy_numbers', vectors.energy_numbers, function* ({ desc, canonical, json }) {
    const written = json ?? ENERGY_LITERALS[desc] ?? literalIn(desc) ?? canonical;
    // Other spellings of one double have one form.
    for (const literal of new Set([written, canonical, Number(canonical).toExponential()]))
      yield attempt(`energy number ${desc}: ${literal}`, () =>
        mustEqual(fromUtf8(canonicalizeJsonText(literal)), canonical),
      );
  });
  yield* each('reject', vectors.reject, function* ({ json, json_hex, why }) {
    yield attempt(`refusal: ${why}`, () => {
      const text = json_hex === undefined ? json : fromHex(json_hex);
      if (text === undefined) return 'the case has neither json nor json_hex';
      return mustThrow(() => canonicalizeJsonText(text));
    });
  });
  yield* each('key_sorting', vectors.key_sorting, function* ({ keys, sorted_by_utf16 }) {
    // An object would list "1" first whatever its insertion order, so the texts are built by hand.
    const textOf = (names: readonly string[]): string =>
      `{${names.map((key) => `${JSON.stringify(key)}:0`).join(',')}}`;
    yield attempt('key order', () =>
      mustEqual(
        canonicalJson(Object.fromEntries(keys.map((key) => [key, 0]))),
        textOf(sorted_by_utf16),
      ),
    );
    yield attempt('key order of a text', () =>
      mustEqual(fromUtf8(canonicalizeJsonText(textOf(keys))), textOf(sorted_by_utf16)),
    );
  });
  yield* guarded('es6_number_file_checksums', () => checksums(vectors, maxLines));
  yield* unknownGroups(file, [
    'files',
    'numbers',
    'energy_numbers',
    'reject',
    'key_sorting',
    'es6_number_file_checksums',
  ]);
}

function* checksums(vectors: Rfc8785File, maxLines: number): Iterable<VectorResult> {
  const wanted = vectors.es6_number_file_checksums?.sha256 ?? {};
  const counts = Object.keys(wanted)
    .map(Number)
    .filter((lines) => lines <= maxLines);
  const got = es6NumberChecksums(counts);
  for (const lines of counts)
    yield attempt(`the first ${lines} lines of the number file`, () =>
      mustEqual(got.get(lines) ?? 'nothing', wanted[lines]!),
    );
}

/** The literal a description quotes: `1.0 as written`, `-0`, `register 1e3`. */
function literalIn(desc: string): string | undefined {
  const [, literal] =
    /^(?:.* )?(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?: as written)?$/.exec(desc) ?? [];
  return literal;
}
