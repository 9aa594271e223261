import type { Store } from '../stores/store.js';
import { accountTests } from './store-suite/accounts.js';
import { anchorTests } from './store-suite/anchors.js';
import { atomicityTests } from './store-suite/atomicity.js';
import { collectionTests } from './store-suite/collections.js';
import { duplicateTests } from './store-suite/duplicates.js';
import { contestTests } from './store-suite/contests.js';
import { durabilityTests } from './store-suite/durability.js';
import { deviceCommandTests } from './store-suite/device-commands.js';
import { deviceDeskTests } from './store-suite/device-desk.js';
import { energyTests } from './store-suite/energy.js';
import { envelopeTests } from './store-suite/envelopes.js';
import { entryTests } from './store-suite/entries.js';
import { findingTests } from './store-suite/findings.js';
import { erasureTests } from './store-suite/erasures.js';
import { intervalTests } from './store-suite/intervals.js';
import { keyTests } from './store-suite/keys.js';
import { leaseTests } from './store-suite/leases.js';
import { meterOwnerTests } from './store-suite/meter-owners.js';
import { meterTests } from './store-suite/meters.js';
import { outboxTests } from './store-suite/outbox.js';
import { equivocationTests } from './store-suite/equivocations.js';
import { judgementTests } from './store-suite/judgements.js';
import { quarantineTests } from './store-suite/quarantine.js';
import { readingListTests } from './store-suite/reading-list.js';
import { sealingTests } from './store-suite/sealing.js';
import { sequenceTests } from './store-suite/sequences.js';
import { noticeTests, webhookTests } from './store-suite/webhooks.js';
import { userTests } from './store-suite/users.js';
import { StoreScene } from './store-suite/store-scene.js';

/** What jest, vitest and node:test have in common. */
export interface TestRunner {
  describe(name: string, body: () => void): void;
  it(name: string, body: () => Promise<void>): void;
  /** `afterAll` of jest and vitest, `after` of node:test. */
  afterAll(body: () => Promise<void>): void;
}

export interface StoreSuiteOptions {
  readonly name: string;
  /** A fresh, empty store. Called once: the tests keep out of each other's way by their data. */
  open(): Promise<Store>;
  /**
   * Ends the store the way the suite shall prove harmless (closing it, killing its process) and opens the same
   * data again. Without it nothing is claimed about durability.
   */
  reopen?(store: Store): Promise<Store>;
  /** Moves the store's own clock, for stores whose clock stands still. */
  elapse?(ms: number): Promise<void>;
  /** The test runner's functions; its globals when absent. */
  readonly runner?: TestRunner;
}

/** Registers the tests every store must pass. They use `node:assert` alone. */
export function describeStore(options: StoreSuiteOptions): void {
  const { describe, it, afterAll } = options.runner ?? globalRunner();
  describe(`store conformance: ${options.name}`, () => {
    const scene = new StoreScene(options);
    afterAll(() => scene.end());
    for (const tests of [
      duplicateTests,
      intervalTests,
      sequenceTests,
      contestTests,
      quarantineTests,
      judgementTests,
      equivocationTests,
      atomicityTests,
      entryTests,
      sealingTests,
      leaseTests,
      anchorTests,
      meterTests,
      keyTests,
      meterOwnerTests,
      energyTests,
      findingTests,
      readingListTests,
      envelopeTests,
      erasureTests,
      accountTests,
      userTests,
      outboxTests,
      webhookTests,
      noticeTests,
      deviceDeskTests,
      deviceCommandTests,
      collectionTests,
    ])
      tests(scene, it);
    if (options.reopen !== undefined) durabilityTests(scene, it);
  });
}

function globalRunner(): TestRunner {
  const globals = globalThis as unknown as Partial<TestRunner> & {
    readonly after?: TestRunner['afterAll'];
  };
  const { describe, it } = globals;
  const afterAll = globals.afterAll ?? globals.after;
  if (describe === undefined || it === undefined || afterAll === undefined)
    throw new Error(
      'describeStore found no test runner. Run it under jest or vitest with globals, or pass { runner: { describe, it, afterAll } }.',
    );
  return { describe, it, afterAll };
}
