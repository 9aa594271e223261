/**
 * The types that plugins, the gateway and auditors share. Nothing here does anything.
 */

/** A value JSON can carry without loss. Bundles and evidence hold nothing else. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };
export type JsonObject = { readonly [key: string]: JsonValue };

/**
 * What a piece of evidence rests on, weakest first:
 * `operator` the gateway's own word · `witness` somebody else's signature · `rpc-quorum` several
 * servers agreed · `finality-signature` a ledger's validators signed · `light-client` a light client
 * followed the ledger · `spv-pow` proof of work over the header that commits to it.
 */
export const TRUST_LEVELS = [
  'operator',
  'witness',
  'rpc-quorum',
  'finality-signature',
  'light-client',
  'spv-pow',
] as const;
export type TrustLevel = (typeof TRUST_LEVELS)[number];

/** What a ledger gets to see: 32 bytes, and what they stand for. */
export interface Commitment {
  readonly origin: string;
  /** Number of batches the checkpoint covers. */
  readonly size: bigint;
  /** Root of the batch log at that size, 32 bytes. */
  readonly root: Uint8Array;
  /** `commitmentDigest(origin, size, root)`, 32 bytes. */
  readonly digest: Uint8Array;
}

/** A receipt of one ledger for one commitment, checkable later and by strangers. */
export interface Evidence {
  /** Names the verifier, with a version: `bitcoin-op-return/1`, `local-ledger/1`. */
  readonly type: string;
  /** Instance id of the anchor that produced it, as in the configuration. */
  readonly anchor: string;
  /** The ledger and network it speaks of: `bitcoin:regtest`, `local:<origin>`. */
  readonly ledger: string;
  /** What the evidence claims to rest on; the verifier decides what it really reaches. */
  readonly trust: TrustLevel;
  readonly body: JsonObject;
}

/** Where block headers come from. The verifier itself knows no network. */
export interface HeaderSource {
  /** The raw header at a height or of a hash (hex, as the ledger displays it), or undefined when unknown. */
  header(
    ledger: string,
    reference: { readonly height?: number; readonly hash?: string },
  ): Promise<Uint8Array | undefined>;
}

/** What checking one piece of evidence came to. */
export type EvidenceVerdict =
  | {
      readonly ok: true;
      /** The level really reached with the headers and keys that were given. */
      readonly trust: TrustLevel;
      /** One sentence for a person: what is proven. */
      readonly statement: string;
      /** The commitment existed no later than this instant, when the ledger tells. */
      readonly notAfterMs?: number;
    }
  | { readonly ok: false; readonly code: string; readonly detail: string };

/** What the caller of a verification already trusts. */
export interface EvidenceContext {
  readonly headers?: HeaderSource;
  /** Log keys that the caller pinned or that the bundle's key chain proved, as C2SP `vkey` strings. */
  readonly trustedKeys: readonly string[];
}

/** Checks evidence of one type: pure, deterministic, no network. Anchor packages export theirs at `./verify`. */
export interface EvidenceVerifier {
  readonly type: string;
  verify(
    commitment: Commitment,
    evidence: Evidence,
    context: EvidenceContext,
  ): Promise<EvidenceVerdict>;
}

export type BatchProfile = 'rfc9162' | 'kwh-btc-iot';

/** SHA-256. The verifier brings a pure one; a host may inject its native one. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array;
