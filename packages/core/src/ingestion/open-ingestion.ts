import type { BatchChainStore } from '../devices/batch-chain.store.js';
import type { DevicesConfig } from '../devices/devices.config.js';
import { FirstSignatures } from '../devices/first-signatures.js';
import type { KeyStore } from '../devices/key.store.js';
import type { MeterDirectory } from '../devices/meter-directory.js';
import type { SignatureVerifier } from '../devices/signature-verifier.js';
import { TokenBuckets } from '../devices/token-bucket.js';
import { Journal } from '../logs/journal.js';
import type { Clock, DurabilityClass, Signer } from '../spi/index.js';
import type { BatchProfile, JsonObject, Sha256 } from '../verify/contracts.js';
import type { Hashing } from '../verify/tree-hashing.js';
import { Authenticator } from './authenticator.js';
import { CommitQueue, type Timers } from './commit-queue.js';
import { sayEquivocations, sayFork } from './equivocation.js';
import type { IngestStore } from './ingest.store.js';
import type { IngestionConfig } from './ingestion.config.js';
import type { Inspect } from './hold.js';
import { IngestionService } from './ingestion.service.js';
import type { ReadDocument } from './read-item.js';
import { ReceiptIssuer } from './receipt-issuer.js';
import { type RuleSet, ruleSetOf } from './rule-set.js';

/** What ingestion is made of. */
export interface IngestionOptions {
  readonly origin: string;
  readonly profile: BatchProfile;
  readonly config: IngestionConfig;
  readonly devices: DevicesConfig;
  readonly store: IngestStore;
  readonly chains: BatchChainStore;
  readonly keys: Pick<KeyStore, 'change'>;
  readonly durability: DurabilityClass;
  readonly directory: MeterDirectory;
  readonly signatures: SignatureVerifier;
  /** The key `<origin>/receipts`. */
  readonly receiptSigner: Signer;
  readonly readDocument: ReadDocument;
  /** What erased bytes are known by. */
  readonly erasedKeyOf?: (logHash: Uint8Array) => Uint8Array;
  /** Canonical bytes of what the gateway itself states. */
  readonly canonicalize: (format: string, document: JsonObject) => Uint8Array;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: (length: number) => Uint8Array;
  readonly sha256: Sha256;
  /** A pure look at each reading before it is committed, and name and version of whatever looks: they are rules, too. */
  readonly inspection?: { readonly inspect: Inspect; readonly detectors: readonly string[] };
  /** The host's faster way for trees and log hashes; default `sha256`. */
  readonly hashing?: Hashing;
}

export interface Ingestion {
  readonly service: IngestionService;
  readonly queue: CommitQueue;
  readonly receipts: ReceiptIssuer;
  /** For everything else that is said in the log. */
  readonly journal: Journal;
  /** What every verdict names. */
  readonly ruleSet: RuleSet;
}

/** Puts the parts of ingestion together. Stop `queue` to drain it. */
export function openIngestion(options: IngestionOptions): Ingestion {
  const { config, devices, clock, timers, sha256, directory, signatures } = options;
  const { hashing = sha256, inspection } = options;
  const ruleSet = ruleSetOf(config, devices, inspection?.detectors);
  const receipts = new ReceiptIssuer({
    origin: options.origin,
    signer: options.receiptSigner,
    clock,
    hashing,
    durability: options.durability,
    includeWithinMs: config.receipts.includeWithinMs,
  });
  const journal = new Journal({
    canonicalize: options.canonicalize,
    profile: options.profile,
    ruleSet: ruleSet.id,
    clock,
    random: options.random,
    hashing,
    issue: receipts.issue,
  });
  const queue = new CommitQueue({
    store: options.store,
    issue: receipts.issue,
    sayEquivocations: sayEquivocations(journal, clock),
    ...(options.erasedKeyOf === undefined ? {} : { erasedKeyOf: options.erasedKeyOf }),
    clock,
    timers,
    config: config.commit,
  });
  const turn = async (): Promise<void> => new Promise((resolve) => timers.soon(resolve));
  const service = new IngestionService({
    config,
    ruleSet: ruleSet.id,
    profile: options.profile,
    clock,
    random: options.random,
    hashing,
    readDocument: options.readDocument,
    authenticator: new Authenticator({
      directory,
      chains: options.chains,
      sayFork: sayFork(journal, clock),
      signatures,
      devices,
      hashing,
      turn,
    }),
    unsignedRate: new TokenBuckets(clock, devices.unsignedRate),
    ...(devices.sequenceWindow === 'none'
      ? {}
      : { sequenceWindow: BigInt(devices.sequenceWindow) }),
    queue,
    firstSignatures: new FirstSignatures({ store: options.keys, directory, journal, clock }),
    receiptJson: receipts.receiptJson,
    ...(inspection === undefined ? {} : { inspect: inspection.inspect }),
  });
  return { service, queue, receipts, journal, ruleSet };
}
