import type { JsonObject, JsonValue } from '../spi/index.js';
import { fromBase64, fromUtf8, toBase64, utf8 } from '../verify/bytes.js';
import { TRUST_LEVELS } from '../verify/contracts.js';
import { type Ed25519Equation, pureEd25519Equation } from '../verify/ed25519.js';
import type { ProofReport } from '../verify/proof-report.js';
import { canonicalJson } from '../verify/rfc8785.js';
import { type Mutant, mutantsOf } from './anchor-suite/mutants.js';

/** A proof that differs from another in one place. */
export interface ProofChange {
  /** Where, as a JSON path; below a text that is itself JSON or lines, the path goes on in it. */
  readonly path: string;
  readonly text: string;
}

/** Words of one vocabulary: where one of them stands, each of the others is well-formed too. */
const VOCABULARIES: readonly (readonly string[])[] = [
  TRUST_LEVELS,
  ['rfc9162', 'kwh-btc-iot'],
  ['Ed25519', 'ES256', 'ES256K'],
  ['bitcoin-op-return/1', 'bitcoin-taproot/1', 'bitcoin-opentimestamps/1', 'local-ledger/1'],
  ['evm-receipt/1', 'evm-state/1', 'evm-calldata/1'],
  ['bitcoin:mainnet', 'bitcoin:testnet', 'bitcoin:regtest'],
  ['eip155:1', 'eip155:31337'],
];

/**
 * Every copy of a bundle that differs in one leaf (another character, another word of its vocabulary), lacks one member or item or has
 * one more, in the bundle and in the JSON and the lines that it carries as text. Each is canonical again: what refuses it refuses what
 * it says, not how it is written. `below`: only places whose path begins so, such as `$.evidence`.
 */
export function* proofChanges(bundle: string, below = '$'): Generator<ProofChange> {
  const whole = JSON.parse(bundle) as JsonObject;
  const seen = new Set([bundle]);
  for (const value of [whole, unfolded(whole)])
    for (const { path, value: changed } of [...mutantsOf(value), ...removalsAndWords(value)]) {
      if (!path.startsWith(below)) continue;
      const text = canonicalJson(folded(changed));
      if (seen.has(text)) continue;
      seen.add(text);
      yield { path: path.replaceAll(/\.(json|base64|lines)(?=[.[]|$)/g, ''), text };
    }
}

/** The equation that works out each signature once: most changes leave all of them as they are. */
export function rememberedEquation(): Ed25519Equation {
  const known = new Map<string, boolean>();
  return (signature, message, key) => {
    const name = [signature, message, key].map(toBase64).join();
    const holds = known.get(name) ?? pureEd25519Equation(signature, message, key);
    known.set(name, holds);
    return holds;
  };
}

/** What checking changed proofs came to. */
export interface ChangedProofs {
  readonly tried: number;
  /** Paths whose change hides a part: the report is valid and proves less than that of the proof itself. */
  readonly hiding: readonly string[];
  /** Paths whose change nothing shows: the report is valid and proves all the same. */
  readonly unnoticed: readonly string[];
}

/** Gives every change to a verification, and compares with what it says of the proof itself. */
export async function checkChanges(
  changes: Iterable<ProofChange>,
  honest: ProofReport,
  examine: (text: string) => Promise<ProofReport>,
): Promise<ChangedProofs> {
  const said = (report: ProofReport) => report.proven.map(({ text }) => text);
  const [hiding, unnoticed] = [new Set<string>(), new Set<string>()];
  let tried = 0;
  for (const { path, text } of changes) {
    tried += 1;
    const report = await examine(text);
    if (!report.ok) continue;
    const now = said(report);
    const all = said(honest).every((statement) => now.includes(statement));
    (all ? unnoticed : hiding).add(path.replace(/\[char \d+\]$/, ''));
  }
  return { tried, hiding: [...hiding].sort(), unnoticed: [...unnoticed].sort() };
}

/** Every copy that lacks one member or one item, or has another word of a vocabulary. */
function* removalsAndWords(value: JsonValue, path = '$'): Generator<Mutant> {
  if (typeof value === 'string')
    for (const word of VOCABULARIES.find((words) => words.includes(value)) ?? [])
      if (word !== value) yield { path, value: word };
  if (Array.isArray(value))
    for (const [i, item] of (value as readonly JsonValue[]).entries()) {
      yield { path: `${path}[${i}]-`, value: value.toSpliced(i, 1) };
      for (const inner of removalsAndWords(item, `${path}[${i}]`))
        yield { ...inner, value: value.toSpliced(i, 1, inner.value) };
    }
  else if (typeof value === 'object' && value !== null)
    for (const [key, member] of Object.entries(value as JsonObject)) {
      const { [key]: _gone, ...rest } = value as JsonObject;
      yield { path: `${path}.${key}-`, value: rest };
      for (const inner of removalsAndWords(member, `${path}.${key}`))
        yield { ...inner, value: { ...(value as JsonObject), [key]: inner.value } };
    }
}

/** Texts that are JSON, JSON in base64, or several lines, as what they hold. */
function unfolded(value: JsonValue): JsonValue {
  if (typeof value === 'string') {
    if (value.includes('\n')) return { lines: value.split('\n') };
    const json = object(value);
    if (json) return { json };
    const inside = object(text(value));
    return inside ? { base64: inside } : value;
  }
  if (Array.isArray(value)) return (value as readonly JsonValue[]).map(unfolded);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value as JsonObject).map(([key, member]) => [key, unfolded(member)]),
  );
}

function folded(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return (value as readonly JsonValue[]).map(folded);
  if (typeof value !== 'object' || value === null) return value;
  const { lines, json, base64 } = value as JsonObject;
  if (Array.isArray(lines)) return lines.join('\n');
  if (json !== undefined) return canonicalJson(json);
  if (base64 !== undefined) return toBase64(utf8(canonicalJson(base64)));
  return Object.fromEntries(
    Object.entries(value as JsonObject).map(([key, member]) => [key, folded(member)]),
  );
}

function object(source: string | undefined): JsonObject | undefined {
  if (!source?.startsWith('{')) return undefined;
  try {
    return JSON.parse(source) as JsonObject;
  } catch {
    return undefined;
  }
}

function text(base64: string): string | undefined {
  try {
    return fromUtf8(fromBase64(base64));
  } catch {
    return undefined;
  }
}
