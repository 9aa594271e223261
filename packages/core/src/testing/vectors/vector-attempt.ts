import type { VectorResult } from './vector-case.js';

/** Runs one case; what it throws is a failure. `check` returns undefined when fine. */
export function attempt(name: string, check: () => string | undefined): VectorResult {
  let detail: string | undefined;
  try {
    detail = check();
  } catch (error) {
    detail = `threw ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`;
  }
  return detail === undefined ? { name, ok: true } : { name, ok: false, detail };
}

/** Undefined when the action throws; else what it returned, as a failure. */
export function mustThrow(action: () => unknown): string | undefined {
  let result: unknown;
  try {
    result = action();
  } catch {
    return undefined;
  }
  return `was accepted: ${String(result).slice(0, 200)}`;
}

export function mustEqual(got: string, wanted: string): string | undefined {
  return got === wanted ? undefined : `got ${got.slice(0, 2000)}, wanted ${wanted.slice(0, 2000)}`;
}
