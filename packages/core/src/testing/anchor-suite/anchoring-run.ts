import assert from 'node:assert/strict';
import { AnchoringEngine } from '../../anchoring/anchoring-engine.js';
import type { StoredIntent } from '../../anchoring/anchor.store.js';
import { anchorPolicySchema } from '../../anchoring/anchor-policy.js';
import type { Anchor, Commitment, Logger } from '../../spi/index.js';
import { anchorIntentId } from '../../anchoring/intent-id.js';
import { openMemoryStore } from '../../stores/memory/open-memory-store.js';
import { Cut, CutPoint } from '../cut-at-await.js';
import { SUITE_ANCHOR, suiteCommitment, suitePluginContext } from './commitments.js';
import type { AnchorSuiteOptions, RunStore } from './suite-options.js';

const STEP_MS = 60_000;
const MAX_STEPS = 120;

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** The suite's policy: fast, with every rule in force. */
const SUITE_POLICY = {
  finalityDepth: 3,
  bumpEveryMs: 3 * STEP_MS,
  maxBumps: 6,
  retryMinMs: 1_000,
  retryMaxMs: STEP_MS,
  coalesce: false,
};

/** An anchor driven by the engine, cut and rebuilt on the way if wanted. */
export class AnchoringRun<World> {
  readonly clock = { ms: 1_700_000_000_000, nowMs: (): number => this.clock.ms };
  readonly policy;
  readonly commitments: Commitment[] = [];
  #store: RunStore | undefined;
  #engine: AnchoringEngine | undefined;
  #anchor: Anchor;
  #generation = 0;

  constructor(
    private readonly options: AnchorSuiteOptions<World>,
    private readonly world: World,
    private readonly cut = new CutPoint(Infinity),
  ) {
    this.policy = anchorPolicySchema.parse({ ...SUITE_POLICY, ...options.policy });
    this.#anchor = options.create(world, suitePluginContext());
  }

  /**
   * Wishes `count` commitments published, one per step, and drives until every one is settled. A cut on
   * the way drops everything built so far; a new instance goes on from the store and the ledger alone.
   */
  async untilSettled(
    count: number,
    disturb?: () => Promise<void>,
  ): Promise<readonly StoredIntent[]> {
    this.#store = await (this.options.store ?? this.#inMemory)(this.clock);
    this.#engine = this.#build(this.#store, (target, name) => this.cut.wrap(target, name));
    for (let step = 0; step < MAX_STEPS; step += 1) {
      if (step < count) this.commitments.push(suiteCommitment(step + 1));
      await disturb?.();
      await this.#survive(async (engine) => {
        for (const commitment of this.commitments) await engine.enqueue(commitment);
        await engine.drive(this.#id, new AbortController().signal);
      });
      const intents = await this.intents();
      if (
        step >= count &&
        intents.every(({ state }) => state === 'final' || state === 'superseded')
      )
        return intents;
      await this.options.settle(this.world);
      this.clock.ms += STEP_MS;
    }
    const states = (await this.intents()).map(({ state, reason }) => `${state} (${reason ?? ''})`);
    return assert.fail(`not settled after ${MAX_STEPS} passes: ${states.join(', ')}`);
  }

  async intents(): Promise<readonly StoredIntent[]> {
    const found: StoredIntent[] = [];
    for (const commitment of this.commitments) {
      const intent = await this.#store?.anchors.intent(anchorIntentId(this.#id, commitment.digest));
      if (intent) found.push(intent);
    }
    return found;
  }

  async close(): Promise<void> {
    await this.#anchor.close();
    await this.#store?.close();
  }

  async #survive(work: (engine: AnchoringEngine) => Promise<void>): Promise<void> {
    if (!this.#store || !this.#engine) throw new Error('the run has not started');
    try {
      await work(this.#engine);
    } catch (error) {
      if (!(error instanceof Cut)) throw error;
    }
    if (this.cut.cutAt === undefined || this.#generation > 0) return;
    this.#generation = 1;
    await this.#anchor.close();
    this.#anchor = this.options.create(this.world, suitePluginContext());
    this.#engine = this.#build(this.#store, (target) => target);
    await this.#store.expireLeases();
  }

  get #id(): string {
    return this.#store?.instanceId ?? SUITE_ANCHOR;
  }

  #inMemory = async (): Promise<RunStore> => ({
    ...openMemoryStore({ clock: this.clock }),
    instanceId: SUITE_ANCHOR,
    expireLeases: async () => {
      this.clock.ms += this.policy.leaseMs;
    },
  });

  #build(store: RunStore, wrap: <T extends object>(target: T, name: string) => T): AnchoringEngine {
    const { capabilities } = this.options.plugin;
    const anchor = wrap(this.#anchor, 'anchor');
    return new AnchoringEngine({
      store: wrap(store.anchors, 'store'),
      leases: wrap(store.leases, 'leases'),
      clock: this.clock,
      logger: silent,
      anchors: new Map([[store.instanceId, { anchor, capabilities, policy: this.policy }]]),
      holder: `suite-${this.#generation}`,
    });
  }
}
