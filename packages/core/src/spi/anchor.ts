import type { Commitment, Evidence, JsonObject, TrustLevel } from '../verify/contracts.js';
import type { Health } from './health.js';
import type { AnchorPorts } from './anchor-ports.js';
import type { AnchorTask } from './anchor-task.js';
import type { ExportedProof, ProofToExport } from './proof-export.js';

/** What this ledger can do. The engine and the conformance kit read it; nothing can be opted out of. */
export interface AnchorCapabilities {
  /**
   * Why two attempts of one conflict key can never both win. `ledger`: the ledger refuses the second.
   * `expiry`: the first is provably dead before a second is signed. `none`: duplicates are harmless
   * and free (calendars, files); a ledger that costs money may not declare it.
   */
  readonly exclusion: 'ledger' | 'expiry' | 'none';
  readonly cost: 'free' | 'paid';
  readonly finality: 'probabilistic' | 'deterministic';
  readonly reorgs: boolean;
  /**
   * How a stuck attempt can be made dearer, in the order tried: `replace` (RBF, same nonce: another attempt on its
   * conflict key), `child` (CPFP: a transaction that spends its output and pays for both); empty: not at all. With both,
   * a child follows where prepare or broadcast of a replacement says `irreplaceable`. Both need `exclusion: ledger`.
   */
  readonly bump:
    | readonly []
    | readonly ['replace']
    | readonly ['child']
    | readonly ['replace', 'child'];
  /** Types of the evidence it produces; each has a verifier at the package's `./verify` door. */
  readonly evidence: readonly string[];
  readonly trust: TrustLevel;
  readonly ports?: readonly (keyof AnchorPorts)[];
  /** Formats of the ledger's own world that a proof can be written in, as in `?format=`: `ots`. */
  readonly exports?: readonly string[];
}

/** One wish to publish one commitment on one anchor. Its id is its idempotency key. */
export interface AnchorIntent {
  /** 64 hex digits: SHA-256 over anchor instance, ledger and commitment. */
  readonly id: string;
  /** Instance id of the anchor in the configuration. */
  readonly anchor: string;
  readonly commitment: Commitment;
  readonly createdAtMs: number;
}

/** An amount in the ledger's smallest unit. */
export interface Fee {
  readonly amount: bigint;
  /** `sat`, `wei`, `lamport`, `gas`. */
  readonly unit: string;
  /** Price per unit of size or work, when the ledger has one (`sat/vB`). */
  readonly rate?: { readonly amount: number; readonly unit: string };
}

export interface AnchorQuote {
  readonly fee: Fee;
  /** Balance left after paying, when known; the engine shows a runway from it. */
  readonly balance?: bigint;
}

/** What is decided before anything is signed. `payload` must survive JSON. */
export interface Draft {
  readonly conflictKey: string;
  readonly fee: Fee;
  readonly payload: JsonObject;
}

/** Everything that makes an attempt unique. Durable before the first byte leaves. */
export interface SignedAttempt {
  readonly txId: string;
  readonly conflictKey: string;
  /** The exact bytes that broadcast will send, now and after any restart. */
  readonly signed: Uint8Array;
  readonly fee: Fee;
  /** Height or slot after which these bytes can never be included, for `exclusion: expiry`. */
  readonly validUntil?: number;
  /** Whatever the anchor needs to find and prove it again; survives JSON. */
  readonly detail?: JsonObject;
}

export type AttemptState =
  | 'signed'
  | 'broadcast'
  | 'seen'
  | 'included'
  | 'final'
  | 'expired'
  | 'reorged'
  | 'replaced'
  | 'failed';

export interface Inclusion {
  readonly height: number;
  readonly blockHash: string;
  readonly blockTimeMs: number;
  /** Blocks on top of and including the one that holds it. */
  readonly depth: number;
  /** What the ledger really charged, in decimal digits of the fee's unit, where it is not the attempt's `fee` (gas). */
  readonly feePaid?: string;
}

export interface Attempt extends SignedAttempt {
  readonly intentId: string;
  /** 0 for the first attempt of an intent. */
  readonly number: number;
  /** With a `bump` by `child`: the txId of the attempt that this one pays for. It carries no commitment of its own. */
  readonly childOf?: string;
  readonly state: AttemptState;
  readonly inclusion?: Inclusion;
  readonly createdAtMs: number;
  readonly broadcastAtMs?: number;
}

/**
 * What the ledger shows of one attempt, now. `missing`: neither in a block nor waiting. `conflicted`:
 * another transaction with the same conflict key is included. `expired`: provably never includable.
 */
export interface Observation {
  readonly txId: string;
  readonly status: 'missing' | 'seen' | 'included' | 'final' | 'expired' | 'conflicted';
  /** Of this attempt; when `conflicted`, of the winner, always when that is ours. Without it nothing is given up. */
  readonly inclusion?: Inclusion;
  /** The txId of the winner when `conflicted` and known. */
  readonly conflictsWith?: string;
  /**
   * When `conflicted`, on a ledger that says itself what is final: whether the winner is. Left out, the depth of the
   * policy decides.
   */
  readonly settled?: boolean;
}

/** Options of one prepare: the engine decides when to pay more, the anchor decides how. */
export interface PrepareOptions {
  /** 0 for the first try; each bump raises it. The plugin's fee schedule maps it to a fee. */
  readonly bump: number;
  /**
   * With a `bump` by `child`: spend an output of this attempt and pay for both. Earlier children are among the prior
   * attempts; the new one may replace the last (its conflict key) or spend it. Broadcasting a child brings along
   * what it spends and the ledger has dropped.
   */
  readonly parent?: Attempt;
  /** Hard cap of this attempt's own fee in the ledger's smallest unit; exceeding it is `AnchorError('capped')`. */
  readonly maxFee?: bigint;
  readonly signal: AbortSignal;
}

/**
 * A ledger, as the anchoring engine sees it. The engine stores; the anchor only computes and talks to
 * its ledger. Every method may be repeated after a crash. Failures are `AnchorError` with a closed reason.
 */
export interface Anchor {
  /** What anchoring costs now. Reads only. */
  quote(intent: AnchorIntent, signal: AbortSignal): Promise<AnchorQuote>;
  /**
   * Chooses UTXO, nonce or blockhash. Reads only. While a prior attempt could still win it must reuse
   * that attempt's conflict key, except for a child (`options.parent`), which must not.
   */
  prepare(intent: AnchorIntent, prior: readonly Attempt[], options: PrepareOptions): Promise<Draft>;
  /** Signs without telling the ledger anything. The same draft gives the same txId. */
  sign(intent: AnchorIntent, draft: Draft, signal: AbortSignal): Promise<SignedAttempt>;
  /** Sends stored bytes. Idempotent: sending again what the ledger has is `known`. */
  broadcast(attempt: SignedAttempt, signal: AbortSignal): Promise<'accepted' | 'known'>;
  /** Where attempts stand, asked of the ledger and never of memory. One observation per attempt, in order. */
  observe(attempts: readonly Attempt[], signal: AbortSignal): Promise<readonly Observation[]>;
  /** Builds the evidence of an included attempt. Repeatable; later evidence may say more. */
  evidence(intent: AnchorIntent, attempt: Attempt, signal: AbortSignal): Promise<Evidence>;
  /**
   * Writes a proof in one of `capabilities.exports`; undefined when this evidence cannot be said in that format. Pure: the
   * ledger is not asked. Required with `exports`.
   */
  exportProof?(proof: ProofToExport): Promise<ExportedProof | undefined>;
  /** Looks the intent up on the ledger itself, for a lost or restored database. */
  findExisting?(intent: AnchorIntent, signal: AbortSignal): Promise<SignedAttempt | undefined>;
  /** The newest commitment of this origin that the ledger holds, if it can tell: guards against rollback. */
  latest?(
    origin: string,
    signal: AbortSignal,
  ): Promise<{ readonly size: bigint; readonly digest: Uint8Array } | undefined>;
  health(signal: AbortSignal): Promise<Health>;
  /** Safe to call twice; resolves when nothing of this anchor runs any more. */
  close(): Promise<void>;
  /** The optional ports named in `capabilities.ports`. */
  readonly ports?: AnchorPorts;
  /** What an operator has done on the ledger once, by name. */
  readonly tasks?: Readonly<Record<string, AnchorTask>>;
}
