import type { z } from 'zod';
import type { AnchorStore, LeaseStore } from '../../anchoring/anchor.store.js';
import type { anchorPolicySchema } from '../../anchoring/anchor-policy.js';
import type {
  Anchor,
  Clock,
  Commitment,
  EvidenceVerifier,
  HeaderSource,
  Plugin,
  PluginContext,
} from '../../spi/index.js';
import type { PortSuiteOptions } from './port-tests.js';
import type { TestRunner } from './test-runner.js';

/** What `describeAnchor` needs from the author of an anchor. `World` is whatever stands for one test's ledger. */
export interface AnchorSuiteOptions<World> {
  readonly plugin: Plugin<'anchor'>;
  /** The verifier of the package's `./verify` door. */
  readonly verifier: EvidenceVerifier;
  /** A ledger for one test that holds none of our commitments yet, and funds if it charges. */
  open(): Promise<World>;
  /** A valid configuration as a user writes it. */
  config(world: World): object;
  /**
   * A new instance as a restarted process makes it: it shares the ledger with earlier ones and nothing else. `context` is
   * what the suite lends it; add what `capabilities.needs` declares.
   */
  create(world: World, context: PluginContext): Anchor;
  /** One more block, holding what waits; nothing to do for a ledger that includes at once. */
  settle(world: World): Promise<void>;
  /** The ledger stops or starts to answer. */
  setDown(world: World, down: boolean): Promise<void>;
  /** Ids of included transactions that carry the commitment, asked of the ledger and not of the anchor. */
  confirmed(world: World, commitment: Commitment): Promise<readonly string[]>;
  /** Takes back the newest blocks; a longer branch without their transactions takes their place. Required with `reorgs`. */
  reorg?(world: World, depth: number): Promise<void>;
  /** Lets pass what it takes for bytes signed now to be provably dead. Required with `exclusion: expiry`. */
  expire?(world: World): Promise<void>;
  /** The ledger stops or starts to refuse every replacement of what waits. Required with a `bump` of both ways. */
  keepFirst?(world: World, keep: boolean): Promise<void>;
  /**
   * What the ledger asks at least becomes `times` what a first attempt costs while it is calm; 0: it is calm again. What pays
   * less waits or is dropped. Required with `cost: paid`.
   */
  feeFloor?(world: World, times: number): Promise<void>;
  /** What makes life hard between two passes of a crash run: evictions, fee floors, reorganisations, lost replies. */
  disturb?(world: World, random: () => number): Promise<void>;
  headers?(world: World): HeaderSource;
  trustedKeys?(world: World): readonly string[];
  close?(world: World): Promise<void>;
  /** Policy of the engine in the runs through it; what is left out is the suite's. */
  readonly policy?: z.input<typeof anchorPolicySchema>;
  /**
   * At how many calls a run through the engine is cut, per seed: 25 by day; 250 when WATTPROOF_NIGHTLY is set, under 20
   * seeds of `disturb`, with more commitments in a run. Runs with other trouble (a failing ledger, a lost lease,
   * reorganisations, an older store) take four tenths of the points by day and two by night. Every run opens a world.
   */
  readonly crash?: {
    readonly points?: number;
    readonly nightlyPoints?: number;
    readonly nightlySeeds?: number;
    /** 6; fewer shorten the runs on a ledger that answers slowly. */
    readonly nightlyCommitments?: number;
  };
  /** Of `capabilities.exports`, those that the evidence of this world's configuration cannot be said in. */
  unexportable?(world: World): readonly string[];
  /** Required with the ports `tokens`, `certificates` or `settlement`. */
  readonly ports?: PortSuiteOptions<World>;
  readonly runner?: TestRunner;
  /** Where a run of the engine keeps its intents; left out, and where an older copy is needed, a store in memory of its own. */
  readonly store?: (clock: Clock) => Promise<RunStore>;
}

/** A store that one run of the engine has to itself, by its own instance id. */
export interface RunStore {
  readonly anchors: AnchorStore;
  readonly leases: LeaseStore;
  readonly instanceId: string;
  /** As if the term of every lease had run out: its holder is dead. */
  expireLeases(): Promise<void>;
  close(): Promise<void>;
}
