import type { AccountStore } from '../accounts/account.store.js';
import type { AnchorStore, LeaseStore } from '../anchoring/anchor.store.js';
import type { BatchStore } from '../batching/batch.store.js';
import type { BatchChainStore } from '../devices/batch-chain.store.js';
import type { DeviceDeskStore } from '../device-desk/device-desk.store.js';
import type { DeviceCommandStore } from '../device-commands/device-command.store.js';
import type { KeyStore } from '../devices/key.store.js';
import type { FindingStore } from '../detectors/finding.store.js';
import type { MeterStore } from '../devices/meter.store.js';
import type { EnergyStore } from '../energy-ledger/energy.store.js';
import type { ReadingListStore } from '../energy-ledger/reading-list.store.js';
import type { NoticeStore } from '../events/notices/notice.store.js';
import type { OutboxStore } from '../events/outbox.store.js';
import type { WebhookStore } from '../events/webhooks/webhook.store.js';
import type { IngestStore } from '../ingestion/ingest.store.js';
import type { ErasureStore } from '../logs/erasure.store.js';
import type { JudgementStore } from '../logs/judgement.store.js';
import type { EntryStore } from '../logs/entry.store.js';
import type { QuarantineStore } from '../quarantine/quarantine.store.js';
import type { CollectionDeclaration, Collections, DurabilityClass, Health } from '../spi/index.js';

/** Everything the gateway keeps. One implementation per kind of store, one suite (`describeStore`) for all. */
export interface Store {
  readonly kind: 'memory' | 'pglite' | 'postgresql';
  readonly durability: DurabilityClass;
  readonly ingest: IngestStore;
  readonly entries: EntryStore;
  readonly erasures: ErasureStore;
  readonly batches: BatchStore;
  readonly anchors: AnchorStore;
  readonly leases: LeaseStore;
  readonly meters: MeterStore;
  readonly keys: KeyStore;
  readonly chains: BatchChainStore;
  readonly energy: EnergyStore;
  readonly findings: FindingStore;
  readonly readingList: ReadingListStore;
  readonly quarantine: QuarantineStore;
  readonly judgements: JudgementStore;
  readonly accounts: AccountStore;
  readonly outbox: OutboxStore;
  readonly webhooks: WebhookStore;
  readonly notices: NoticeStore;
  readonly desk: DeviceDeskStore;
  readonly commands: DeviceCommandStore;
  /** Declares (and migrates) collections of one plugin instance and lends them. */
  collections(
    instanceId: string,
    declarations: readonly CollectionDeclaration[],
  ): Promise<Collections>;
  health(): Promise<Health>;
  /** Waits for what is under way, then closes. Safe to call twice. */
  close(): Promise<void>;
}

/** The database cannot be reached or refuses work as a whole. Try again later; nothing may be acknowledged. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
  readonly code = 'store_unavailable';
}

/** A guarded write came with a lease that somebody else has taken over. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
  readonly code = 'lease_lost';
}
