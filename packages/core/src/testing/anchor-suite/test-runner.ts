/** What jest, vitest and node:test share. */
export interface TestRunner {
  describe(name: string, body: () => void): void;
  it(name: string, body: () => Promise<void>, timeoutMs?: number): void;
}

/** The runner whose functions are global, unless one is given. */
export function runnerOr(given: TestRunner | undefined): TestRunner {
  if (given) return given;
  const { describe, it } = globalThis as unknown as Partial<TestRunner>;
  if (!describe || !it)
    throw new TypeError(
      'No test runner found: this process has no global describe and it. Pass { runner: { describe, it } }.',
    );
  return { describe, it };
}
