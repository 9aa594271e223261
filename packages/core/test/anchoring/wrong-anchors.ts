import type { AnchoringEngineOptions } from '../../src/anchoring/anchoring-engine.js';
import { AnchoringEngine } from '../../src/anchoring/index.js';
import type { Anchor, SignedAttempt } from '../../src/spi/index.js';
import type { BuildEngine } from '../../src/testing/anchor-suite/anchoring-run.js';
import { type AnchorSuiteOptions, describeAnchorUnder } from '../../src/testing/describe-anchor.js';
import {
  decodeFake,
  encodeFake,
  type FakeLedger,
  fakeSuite,
  fakeTxId,
} from '../../src/testing/fake-ledger/index.js';

export type Suite = AnchorSuiteOptions<FakeLedger>;

interface How {
  readonly points?: number;
  readonly build?: BuildEngine;
}

/** What the kit registers, as a runner would see it. */
function testsOf(options: Suite, { points = 6, build }: How) {
  const tests: { readonly name: string; readonly body: () => Promise<void> }[] = [];
  describeAnchorUnder(build, {
    ...options,
    crash: { points, nightlyPoints: points, nightlySeeds: 1 },
    runner: {
      describe: (_name, body) => body(),
      it: (name, body) => void tests.push({ name, body }),
    },
  });
  return tests;
}

/** Runs the kit as a runner would and tells which tests failed. */
export async function failuresOf(options: Suite, how: How = {}): Promise<string[]> {
  const failed: string[] = [];
  for (const { name, body } of testsOf(options, how)) await body().catch(() => failed.push(name));
  return failed;
}

/** Does this one test of the kit fail? Throws when there is no such test. */
export async function fails(test: string, options: Suite, how: How = {}): Promise<boolean> {
  const found = testsOf(options, how).find(({ name }) => name === test);
  if (!found) throw new Error(`the kit has no test "${test}"`);
  return found.body().then(
    () => false,
    () => true,
  );
}

/** An object with some methods replaced. */
export function changed<T extends object>(right: T, change: Partial<T>): T {
  return new Proxy(right, {
    get: (target, name) => {
      if (name in change) return Reflect.get(change, name) as unknown;
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}

/** The fake anchor with some methods replaced. */
export function wrong(
  change: (right: Anchor, ledger: FakeLedger) => Partial<Anchor>,
  exclusion: 'ledger' | 'expiry' | 'none' = 'ledger',
  bump?: Parameters<typeof fakeSuite>[2],
): Suite {
  const suite = fakeSuite(exclusion, false, bump);
  return {
    ...suite,
    create: (ledger, context) => {
      const right = suite.create(ledger, context);
      return changed(right, change(right, ledger));
    },
  };
}

/** The engine on another store, anchor or policy than it is given. */
export const engineOn =
  (change: (given: AnchoringEngineOptions) => Partial<AnchoringEngineOptions>): BuildEngine =>
  (given) =>
    new AnchoringEngine({ ...given, ...change(given) });

/** The same transaction under another key or fee. */
export function resigned(signed: SignedAttempt, patch: object): SignedAttempt {
  const tx = { ...decodeFake(signed.signed), ...patch };
  const bytes = encodeFake(tx);
  return { ...signed, conflictKey: tx.conflictKey, signed: bytes, txId: fakeTxId(bytes) };
}
