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
  // An expectation the file lacks is no expectation: it would also equal what could not be computed.
  if (expected === undefined) return { name, ok: false, detail: 'the case has no expected value' };
  const ok = show(got) === show(expected);
  return ok ? { name, ok } : { name, ok, detail: `expected ${show(expected)}, got ${show(got)}` };
}

/** A case whose call must be refused by the product. */
export function refuses(name: string, call: () => unknown): VectorResult {
  const detail = mustThrow(call);
  return detail === undefined ? { name, ok: true } : { name, ok: false, detail };
}

/** Runs one case; what it throws is a failure. `check` returns undefined when fine. */
export function attempt(name: string, check: () => string | undefined): VectorResult {
  let detail: string | undefined;
  try {
    detail = check();
  } catch (error) {
    detail = `threw ${thrown(error)}`;
  }
  return detail === undefined ? { name, ok: true } : { name, ok: false, detail };
}

/**
 * Undefined when the action is refused, which the product does with an error that has a code; any other error means that
 * the case was not evaluated. Else what the action returned, as a failure.
 */
export function mustThrow(
  action: () => unknown,
  right: (error: RefusalError) => boolean = () => true,
): string | undefined {
  let result: unknown;
  try {
    result = action();
  } catch (error) {
    if (!isRefusal(error)) return `was not evaluated: ${thrown(error)}`;
    return right(error) ? undefined : `was refused for another reason: ${thrown(error)}`;
  }
  return `was accepted: ${show(result).slice(0, 200)}`;
}

/** An error as the product refuses with. */
export interface RefusalError extends Error {
  readonly code: string;
  readonly path?: string;
}

export function isRefusal(error: unknown): error is RefusalError {
  return error instanceof Error && typeof (error as Partial<RefusalError>).code === 'string';
}

export function mustEqual(got: string, wanted: string): string | undefined {
  return got === wanted ? undefined : `got ${got.slice(0, 2000)}, wanted ${wanted.slice(0, 2000)}`;
}

/**
 * The cases of every item of a group. What an item throws before its cases could be made (members that are missing
 * or of another type) is a failure of that item; the others still run.
 */
export function* each<T>(
  group: string,
  items: readonly T[] | undefined,
  cases: (item: T, index: number) => Iterable<VectorResult>,
): Generator<VectorResult> {
  if (items === undefined) return;
  if (!Array.isArray(items)) {
    yield { name: group, ok: false, detail: 'is not a list' };
    return;
  }
  for (const [index, item] of items.entries()) {
    let made = 0;
    for (const one of guarded(`${group} ${index}`, () => cases(item as T, index))) {
      made += 1;
      yield one;
    }
    if (made === 0)
      yield { name: `${group} ${index}`, ok: false, detail: 'nothing of it was evaluated' };
  }
}

/** Cases whose making may throw, which is then one more case, failed. */
export function* guarded(
  name: string,
  cases: () => Iterable<VectorResult>,
): Generator<VectorResult> {
  try {
    yield* cases();
  } catch (error) {
    yield { name, ok: false, detail: `could not be evaluated: ${thrown(error)}` };
  }
}

/** Members that say something about a file and hold no cases, whatever their type. */
const ABOUT_THE_FILE =
  /^(?:sources?|notes?|comments?|description|meta(?:data)?|generator|generated|licen[cs]e|how_obtained)$/i;

/** True of a member that holds something which is neither a group of the family nor about the file itself. */
export function isUnknownGroup(name: string, value: unknown, known: readonly string[]): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    !known.includes(name) &&
    !ABOUT_THE_FILE.test(name)
  );
}

/** One failure for each member of the file that holds something and that its runner does not know. */
export function* unknownGroups(file: unknown, known: readonly string[]): Generator<VectorResult> {
  for (const [name, value] of Object.entries(file as object))
    if (isUnknownGroup(name, value, known))
      yield {
        name,
        ok: false,
        detail: `this family has no group of this name; known are ${known.join(', ')}`,
      };
}

function thrown(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? 'undefined';
}
