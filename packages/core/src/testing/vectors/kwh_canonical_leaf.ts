import { concat, fromUtf8, toHex, utf8 } from '../../verify/bytes.js';
import { canonicalize } from '../../verify/formats/default-formats.js';
import { sha256 } from '../../verify/sha256.js';
import type { VectorResult } from './vector-case.js';
import { attempt, mustEqual, mustThrow } from './vector-attempt.js';

interface LeafCase {
  readonly name: string;
  readonly input_json: string;
  readonly canonical_utf8: string;
  readonly leaf_hash: string;
}

interface Rejection {
  readonly name: string;
  readonly accepted: boolean;
  readonly canonical?: string;
  readonly input_json?: string;
  readonly error?: readonly (readonly [path: readonly (string | number)[], code: string])[];
}

interface LeafFile {
  readonly cases?: readonly LeafCase[];
  readonly rejections?: readonly Rejection[];
}

/** Literals that the refusals named in the published file put into the first case. */
const REJECTION_LITERALS: Readonly<Record<string, readonly [member: string, literal: string]>> = {
  'negative energy': ['energy_kwh', '-1'],
  'interval 0': ['interval_s', '0'],
  'float sats 1.5': ['amount_sats', '1.5'],
  'missing tx': ['tx', ''],
  'bad ts': ['ts_start', '"yesterday"'],
  'NaN energy': ['energy_kwh', 'NaN'],
  'bool interval': ['interval_s', 'true'],
  'interval 300.0': ['interval_s', '300.0'],
};

/** Canonical bytes, leaf hashes and refusals of `emlog-1.1`. */
export function* run(file: unknown): Iterable<VectorResult> {
  const { cases = [], rejections = [] } = file as LeafFile;
  for (const vector of cases)
    yield attempt(vector.name, () => {
      const bytes = canonicalize('emlog-1.1', vector.input_json);
      return (
        mustEqual(fromUtf8(bytes), vector.canonical_utf8) ??
        mustEqual(toHex(sha256(concat(utf8('LOG::'), bytes))), vector.leaf_hash)
      );
    });
  for (const vector of rejections)
    yield attempt(`refusals: ${vector.name}`, () => {
      const input = vector.input_json ?? rejectionInput(vector.name, cases[0]);
      if (input === undefined) return 'the case has no input_json and its name is not known';
      if (!vector.accepted) return mustThrow(() => canonicalize('emlog-1.1', input));
      return mustEqual(fromUtf8(canonicalize('emlog-1.1', input)), vector.canonical ?? '');
    });
}

function rejectionInput(name: string, base: LeafCase | undefined): string | undefined {
  const change = REJECTION_LITERALS[name];
  if (change === undefined || base === undefined) return undefined;
  const [member, literal] = change;
  const value = member === 'tx' ? /, "tx": \{[^}]*\}/ : new RegExp(`"${member}": [^,}]*`);
  return base.input_json.replace(value, literal === '' ? '' : `"${member}": ${literal}`);
}
