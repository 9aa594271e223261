/** What running one case of a vector file came to. */
export interface VectorResult {
  readonly name: string;
  readonly ok: boolean;
  /** What was expected and what came out, when it was not the same. */
  readonly detail?: string;
}

/** Runs every case of one family's file; the file is parsed JSON of that family's structure. */
export type VectorRunner = (file: unknown) => Iterable<VectorResult> | AsyncIterable<VectorResult>;

/** A case that compares a computed value with an expected one; a thrown error fails the case. */
export function compare(name: string, expected: unknown, compute: () => unknown): VectorResult {
  let got: unknown;
  try {
    got = compute();
  } catch (error) {
    return { name, ok: false, detail: `expected ${show(expected)}, threw ${String(error)}` };
  }
  const ok = show(got) === show(expected);
  return ok ? { name, ok } : { name, ok, detail: `expected ${show(expected)}, got ${show(got)}` };
}

/** A case whose call must throw. */
export function refuses(name: string, call: () => unknown): VectorResult {
  try {
    return { name, ok: false, detail: `expected a refusal, got ${show(call())}` };
  } catch {
    return { name, ok: true };
  }
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? 'undefined';
}
