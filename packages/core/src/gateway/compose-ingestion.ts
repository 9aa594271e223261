import { DevicesConfig } from '../devices/devices.config.js';
import { MeterService } from '../devices/meter.service.js';
import type { CommitQueue } from '../ingestion/commit-queue.js';
import { IngestionConfig } from '../ingestion/ingestion.config.js';
import type { IngestionService } from '../ingestion/ingestion.service.js';
import { nativeHashing, nativeSaltedLeaves, nativeSha256 } from '../hashing/native-hashing.js';
import { nodeTimers } from '../ingestion/node-timers.js';
import type { ReceiptIssuer } from '../ingestion/receipt-issuer.js';
import { type IngestionOptions, openIngestion } from '../ingestion/open-ingestion.js';
import type { RuleSet } from '../ingestion/rule-set.js';
import type { Journal } from '../logs/journal.js';
import type { GatewayConfig } from '../plugins/index.js';
import type { Clock, Signer } from '../spi/index.js';
import type { Store } from '../stores/store.js';
import { canonicalize, readDocument } from '../verify/index.js';
import { accountKnown } from './account-known.js';
import type { Devices } from './open-devices.js';

export interface Ingestion {
  readonly ingestion: IngestionService;
  readonly meters: MeterService;
  readonly queue: CommitQueue;
  readonly receipts: ReceiptIssuer;
  /** What the gateway itself states in the log. */
  readonly journal: Journal;
  readonly defaultAccount: string;
  /** What every verdict names. */
  readonly ruleSet: RuleSet;
}

/** The one code path from a message to a receipt, and the meters whose signatures it checks. */
export async function composeIngestion(parts: {
  readonly config: GatewayConfig;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: (length: number) => Uint8Array;
  readonly devices: Devices;
  /** The key `<origin>/receipts`. */
  readonly receiptSigner: Signer;
  readonly erasedKeyOf: (logHash: Uint8Array) => Uint8Array;
  readonly inspection: IngestionOptions['inspection'] | undefined;
}): Promise<Ingestion> {
  const { store, clock, random } = parts;
  const { directory, signatures } = parts.devices;
  const devices = DevicesConfig.parse(parts.config.devices);
  const config = IngestionConfig.parse({
    ...parts.config.ingestion,
    minAssurance: parts.config.claims.minAssurance,
  });
  const sha256 = nativeSha256;
  // What they compile is compiled now, not while the first message waits.
  nativeHashing.pairs('rfc9162');
  nativeSaltedLeaves(new Uint8Array(0), new Uint8Array(0));
  const { service, queue, receipts, journal, ruleSet } = openIngestion({
    origin: parts.config.origin,
    profile: parts.config.batching.profile,
    config,
    devices,
    store: store.ingest,
    chains: store.chains,
    keys: store.keys,
    durability: store.durability,
    directory,
    signatures,
    receiptSigner: parts.receiptSigner,
    readDocument,
    canonicalize,
    erasedKeyOf: parts.erasedKeyOf,
    clock,
    timers: nodeTimers,
    random,
    sha256,
    hashing: nativeHashing,
    ...(parts.inspection === undefined ? {} : { inspection: parts.inspection }),
  });
  // Before the first verdict that names them.
  await store.judgements.keepRules(ruleSet);
  const meters = new MeterService({
    store: store.meters,
    directory,
    signatures,
    clock,
    random,
    sha256,
    config: devices,
    journal,
    origin: parts.config.origin,
    accountKnown: accountKnown(store),
  });
  return {
    ingestion: service,
    meters,
    queue,
    receipts,
    journal,
    defaultAccount: config.defaultAccount,
    ruleSet,
  };
}
