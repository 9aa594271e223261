import { concat, fromUtf8, toHex, utf8 } from '../../verify/bytes.js';
import { canonicalize } from '../../verify/formats/default-formats.js';
import { parseJson } from '../../verify/json/parse.js';
import { sha256 } from '../../verify/sha256.js';
import { refusalInput } from './kwh-refusal-input.js';
import {
  attempt,
  each,
  isRefusal,
  mustEqual,
  mustThrow,
  unknownGroups,
  type RefusalError,
  type VectorResult,
} from './vector-case.js';

interface LeafCase {
  readonly name: string;
  readonly input_json: string;
  readonly canonical_utf8: string;
  readonly leaf_hash: string;
}

/** Where the reference's validator found fault, and the kind of fault. */
export type ValidatorError = readonly [path: readonly (string | number)[], code: string];

export interface Rejection {
  readonly name: string;
  readonly accepted: boolean;
  readonly canonical?: string;
  readonly input_json?: string;
  readonly error?: readonly ValidatorError[];
}

interface LeafFile {
  readonly cases?: readonly LeafCase[];
  readonly rejections?: readonly Rejection[];
}

/** Canonical bytes, leaf hashes and refusals of `emlog-1.1`. */
export function* run(file: unknown): Iterable<VectorResult> {
  const { cases, rejections } = file as LeafFile;
  yield* each('cases', cases, function* ({ name, input_json, canonical_utf8, leaf_hash }) {
    yield attempt(name, () => {
      if (!isStrictJson(canonical_utf8)) return mustThrow(() => bytesOf(input_json));
      const bytes = bytesOf(input_json);
      return (
        mustEqual(fromUtf8(bytes), canonical_utf8) ??
        mustEqual(toHex(sha256(concat(utf8('LOG::'), bytes))), leaf_hash)
      );
    });
  });
  yield* each('rejections', rejections, function* (one) {
    yield attempt(`refusals: ${one.name}`, () => {
      const input = one.input_json ?? refusalInput(one);
      if (input === undefined) return 'the case has no input_json and its name is not understood';
      const { accepted, canonical = '', error } = one;
      if (accepted && (one.canonical === undefined || isStrictJson(canonical))) {
        const bytes = fromUtf8(bytesOf(input));
        return one.canonical === undefined ? undefined : mustEqual(bytes, canonical);
      }
      return mustThrow(
        () => bytesOf(input),
        (refusal) => accepted || isReason(refusal, error),
      );
    });
  });
  yield* unknownGroups(file, ['cases', 'rejections']);
}

function bytesOf(input: string): Uint8Array {
  return canonicalize('emlog-1.1', input);
}

/** False of the `Infinity` that the reference takes and writes: it has no JSON form, so the format has none either. */
function isStrictJson(canonical: string): boolean {
  try {
    parseJson(canonical, 'literal');
    return true;
  } catch (error) {
    if (isRefusal(error)) return false;
    throw error;
  }
}

/**
 * True when the document was refused for what the reference names, or by a rule the reference does not have: strict JSON and
 * numbers that are finite and kept exactly come first.
 */
function isReason(refusal: RefusalError, errors: readonly ValidatorError[] | undefined): boolean {
  if (refusal.code.startsWith('json_') || refusal.code === 'finite_number') return true;
  return (
    errors === undefined ||
    errors.some(([path, code]) => refusal.code === code && (refusal.path ?? '') === path.join('.'))
  );
}
