import type { z } from 'zod';
import {
  anchorPolicySchema,
  AnchoringEngine,
  type AnchorInstance,
  answerInTime,
  type StoredIntent,
} from '../../src/anchoring/index.js';
import type { Anchor, AnchorCapabilities, Commitment, Logger } from '../../src/spi/index.js';
import { openMemoryStore } from '../../src/stores/memory/open-memory-store.js';
import {
  suiteCommitment,
  suiteIntent,
  suitePluginContext,
} from '../../src/testing/anchor-suite/commitments.js';
import { FakeLedger, fakeSuite } from '../../src/testing/fake-ledger/index.js';

export const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };
export const ANCHOR = 'under-test';
const MINUTE_MS = 60_000;

export interface EngineWorldOptions {
  readonly exclusion?: AnchorCapabilities['exclusion'];
  readonly bump?: AnchorCapabilities['bump'];
  readonly policy?: z.input<typeof anchorPolicySchema>;
  readonly ledger?: FakeLedger;
  readonly store?: ReturnType<typeof openMemoryStore>;
  /** Replaces methods of the anchor. */
  change?(anchor: Anchor): Partial<Anchor>;
}

/** Calls that are due when a test says so. */
export class TestTimers {
  readonly #waiting = new Set<() => void>();

  readonly timer = (_ms: number, fire: () => void): (() => void) => {
    this.#waiting.add(fire);
    return () => this.#waiting.delete(fire);
  };

  get pending(): number {
    return this.#waiting.size;
  }

  /** The time of everything that waits is over. */
  fire(): void {
    for (const fire of this.#waiting) fire();
  }
}

/** An engine over a memory store and a fake ledger, with time that only moves here. */
export class EngineWorld {
  readonly clock = { ms: 1_700_000_000_000, nowMs: (): number => this.clock.ms };
  readonly store;
  readonly ledger: FakeLedger;
  readonly instance: AnchorInstance;
  readonly anchors: ReadonlyMap<string, AnchorInstance>;
  readonly sent: string[] = [];
  readonly timers = new TestTimers();
  engine: AnchoringEngine;

  constructor(options: EngineWorldOptions = {}) {
    const exclusion = options.exclusion ?? 'ledger';
    const suite = fakeSuite(exclusion, false, options.bump);
    this.store = options.store ?? openMemoryStore({ clock: this.clock });
    this.ledger = options.ledger ?? new FakeLedger({ exclusion });
    const right = suite.create(this.ledger, suitePluginContext());
    const changed = options.change?.(right) ?? {};
    const anchor = new Proxy(right, {
      get: (target, name) => {
        if (name === 'broadcast')
          return async (...args: Parameters<Anchor['broadcast']>) => {
            this.sent.push(args[0].txId);
            return (changed.broadcast ?? target.broadcast.bind(target))(...args);
          };
        if (name in changed) return Reflect.get(changed, name) as unknown;
        const member: unknown = Reflect.get(target, name);
        return typeof member === 'function' ? (member.bind(target) as unknown) : member;
      },
    });
    const policy = anchorPolicySchema.parse({
      finalityDepth: 3,
      bumpEveryMs: 5 * MINUTE_MS,
      retryMinMs: 1_000,
      retryMaxMs: MINUTE_MS,
      ...options.policy,
    });
    this.instance = {
      anchor: answerInTime(anchor, policy, this.timers.timer),
      capabilities: suite.plugin.capabilities,
      policy,
    };
    this.anchors = new Map([[ANCHOR, this.instance]]);
    this.engine = this.restart();
  }

  restart(holder = 'one'): AnchoringEngine {
    this.engine = new AnchoringEngine({
      store: this.store.anchors,
      leases: this.store.leases,
      clock: this.clock,
      logger: silent,
      anchors: this.anchors,
      holder,
    });
    return this.engine;
  }

  async enqueue(...sizes: number[]): Promise<void> {
    for (const size of sizes) {
      await this.engine.enqueue(suiteCommitment(size));
      this.clock.ms += 1;
    }
  }

  async drive(passes = 1): Promise<void> {
    for (let pass = 0; pass < passes; pass += 1)
      await this.engine.drive(ANCHOR, new AbortController().signal);
  }

  /** Drives, then lets one block and one minute go by. */
  async step(steps = 1): Promise<void> {
    for (let step = 0; step < steps; step += 1) {
      await this.drive();
      this.ledger.mine();
      this.clock.ms += MINUTE_MS;
    }
  }

  async intent(size = 1): Promise<StoredIntent> {
    const commitment: Commitment = suiteCommitment(size);
    const found = await this.store.anchors.intent(suiteIntent(commitment).id);
    if (!found) throw new Error(`no intent of size ${size}`);
    return found;
  }
}
