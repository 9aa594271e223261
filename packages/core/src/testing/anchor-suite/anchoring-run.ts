import assert from 'node:assert/strict';
import { AnchoringEngine, type AnchoringEngineOptions } from '../../anchoring/anchoring-engine.js';
import type { AnchorInstance } from '../../anchoring/anchor-instance.js';
import type { StoredIntent } from '../../anchoring/anchor.store.js';
import { anchorPolicySchema } from '../../anchoring/anchor-policy.js';
import type { Anchor, Commitment } from '../../spi/index.js';
import { anchorIntentId } from '../../anchoring/intent-id.js';
import { silentLogger } from '../silent-logger.js';
import { SUITE_ANCHOR, suiteCommitment, suitePluginContext } from './commitments.js';
import { rewindableStore } from './rewindable-store.js';
import { RunAudit } from './run-audit.js';
import type { AnchorSuiteOptions, RunStore } from './suite-options.js';
import type { Trouble } from './trouble.js';

const STEP_MS = 60_000;
const HOUR_MS = 3_600_000;
const MAX_STEPS = 400;
/** How the work of a killed process ends. */
const DEATH = ['Cut'];
/** How that of one ends in whose place another went on. */
const OVERTAKEN = ['LeaseLost', 'AnchorStateMoved', 'AttemptTaken'];

/** The suite's policy: fast, with every rule in force. */
const SUITE_POLICY = {
  finalityDepth: 3,
  bumpEveryMs: 3 * STEP_MS,
  maxBumps: 6,
  retryMinMs: 1_000,
  retryMaxMs: STEP_MS,
  coalesce: false,
};

export type BuildEngine = (options: AnchoringEngineOptions) => AnchoringEngine;

export interface RunSettings<World> {
  readonly options: AnchorSuiteOptions<World>;
  readonly world: World;
  readonly trouble: Trouble;
  readonly build: BuildEngine;
  readonly policy?: AnchorSuiteOptions<World>['policy'];
}

/** What a run goes through besides blocks. */
export interface RunCourse {
  readonly commitments: number;
  /** Steps at the start without a block, so that attempts wait and are made dearer. */
  readonly blockless?: number;
  /** Before the pass of a step. */
  before?(step: number): Promise<void>;
  /** After it, with what is stored then. */
  after?(intents: readonly StoredIntent[], step: number): Promise<void>;
}

/** An anchor driven by the engine, cut and rebuilt on the way if wanted. */
export class AnchoringRun<World> {
  readonly clock = { ms: 1_700_000_000_000, nowMs: (): number => this.clock.ms };
  readonly policy;
  readonly commitments: Commitment[] = [];
  readonly audit;
  #store: RunStore | undefined;
  #engine: AnchoringEngine | undefined;
  /** What the process there is has been told to publish: each is told once, and again after a restart. */
  #told = new Set<Commitment>();
  readonly #ids = new Map<Commitment, string>();
  /** The newest in use; earlier ones are closed with the run, because a process that stood still may use its own. */
  readonly #anchors: Anchor[] = [];
  #left: Promise<unknown> | undefined;
  #passesAway = 0;

  constructor(private readonly settings: RunSettings<World>) {
    this.policy = anchorPolicySchema.parse({
      ...SUITE_POLICY,
      ...settings.options.policy,
      ...settings.policy,
    });
    this.audit = new RunAudit(this.policy, this.clock);
  }

  /**
   * Wishes commitments published, one per step, and drives until every one is settled. Trouble on the way
   * may drop everything built so far; a new instance goes on from the store and the ledger alone.
   */
  async untilSettled(course: RunCourse): Promise<readonly StoredIntent[]> {
    const { options, world, trouble } = this.settings;
    if (!this.#store) await this.startOn(await (options.store ?? this.#inMemory)(this.clock), true);
    for (let step = 0; step < MAX_STEPS; step += 1) {
      const wished = this.commitments.length;
      if (wished < course.commitments) this.commitments.push(suiteCommitment(wished + 1));
      await course.before?.(step);
      await this.#pass();
      await trouble.afterPass?.();
      const intents = await this.intents();
      await course.after?.(intents, step);
      const settled = intents.every(({ state }) => state === 'final' || state === 'superseded');
      if (settled && wished >= course.commitments && !this.#left) return intents;
      if (step >= (course.blockless ?? 0)) await options.settle(world);
      const capped = intents.some(({ state }) => state === 'capped');
      this.clock.ms += capped ? HOUR_MS : STEP_MS;
    }
    const states = (await this.intents()).map(({ state, reason }) => `${state} (${reason ?? ''})`);
    return assert.fail(`not settled after ${MAX_STEPS} passes: ${states.join(', ')}`);
  }

  /** A new process on this store. What it is told to do is troubled only in the first one. */
  async startOn(store: RunStore, troubled = false): Promise<void> {
    const { options, world, trouble, build } = this.settings;
    const wrap = <T extends object>(target: T, name: string): T =>
      troubled ? trouble.wrap(target, name) : target;
    const bare = options.create(world, suitePluginContext());
    this.#anchors.push(bare);
    this.#store = store;
    this.#told = new Set();
    const instance: AnchorInstance = {
      anchor: wrap(
        this.audit.watch(bare, () => this.intents()),
        'anchor',
      ),
      capabilities: options.plugin.capabilities,
      policy: this.policy,
    };
    this.#engine = build({
      store: wrap(store.anchors, 'store'),
      leases: wrap(store.leases, 'leases'),
      clock: this.clock,
      logger: silentLogger,
      anchors: new Map([[store.instanceId, instance]]),
      holder: `suite-${this.#anchors.length}`,
    });
    if (this.#anchors.length > 1) await store.expireLeases();
  }

  /** The anchor as it is, past trouble and audit. */
  get anchor(): Anchor {
    const anchor = this.#anchors.at(-1);
    if (!anchor) throw new Error('the run has not started');
    return anchor;
  }

  get store(): RunStore {
    if (!this.#store) throw new Error('the run has not started');
    return this.#store;
  }

  async recheckFinals(): Promise<void> {
    const all = this.commitments.length;
    await this.#engine?.recheckFinals(this.#id, all, new AbortController().signal);
  }

  async intents(): Promise<readonly StoredIntent[]> {
    const found: StoredIntent[] = [];
    for (const commitment of this.commitments) {
      const intent = await this.#store?.anchors.intent(this.#idOf(commitment));
      if (intent) found.push(intent);
    }
    return found;
  }

  async close(): Promise<void> {
    this.settings.trouble.resume?.();
    await this.#left;
    for (const anchor of this.#anchors) await anchor.close();
    await this.#store?.close();
  }

  /** One pass of the process there is; when trouble ends it or stops it, the next one starts. */
  async #pass(): Promise<void> {
    const { trouble } = this.settings;
    const first = this.#anchors.length === 1;
    const working = this.#work(first && trouble.stopped ? [...DEATH, ...OVERTAKEN] : DEATH);
    await (first && trouble.stopped ? Promise.race([working, trouble.stopped]) : working);
    if (first && trouble.cutAt !== undefined && !trouble.survived) {
      if (trouble.stopped) this.#left = working;
      await this.startOn(this.store);
    } else if (this.#left && (this.#passesAway += 1) >= (trouble.passesAway ?? 0)) {
      trouble.resume?.();
      await this.#left;
      this.#left = undefined;
    }
  }

  async #work(expected: readonly string[]): Promise<void> {
    const engine = this.#engine;
    const told = this.#told;
    try {
      for (const commitment of this.commitments)
        if (!told.has(commitment)) {
          await engine?.enqueue(commitment);
          told.add(commitment);
        }
      await engine?.drive(this.#id, new AbortController().signal);
    } catch (error) {
      if (!(error instanceof Error) || !expected.includes(error.name)) throw error;
    }
  }

  get #id(): string {
    return this.#store?.instanceId ?? SUITE_ANCHOR;
  }

  #idOf(commitment: Commitment): string {
    const id = this.#ids.get(commitment) ?? anchorIntentId(this.#id, commitment.digest);
    this.#ids.set(commitment, id);
    return id;
  }

  #inMemory = (): Promise<RunStore> =>
    rewindableStore(this.clock, {
      instanceId: SUITE_ANCHOR,
      expireLeases: async () => {
        this.clock.ms += this.policy.leaseMs;
      },
    });
}
