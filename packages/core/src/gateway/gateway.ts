import type { ApiKeyService } from '../accounts/api-key.service.js';
import type { UserService } from '../accounts/user.service.js';
import type { Batcher } from '../batching/batcher.js';
import type { LogKeys } from '../batching/log-keys.js';
import type { KeyService } from '../devices/key.service.js';
import type { ActiveDetector } from '../detectors/active-detector.js';
import type { Detection } from '../detectors/detection.js';
import type { DeviceCommands } from '../device-commands/device-commands.service.js';
import type { Resend } from '../device-commands/resend.js';
import type { AlertReview } from '../device-desk/alert-review.js';
import type { DeviceDeskService } from '../device-desk/device-desk.service.js';
import type { MeterService } from '../devices/meter.service.js';
import type { MintingSuspensions } from '../devices/minting-suspensions.js';
import type { EnergyLedger } from '../energy-ledger/energy-ledger.js';
import type { Subscribers } from '../events/subscribers.js';
import type { WebhookService } from '../events/webhooks/webhook.service.js';
import type { ImportService } from '../imports/index.js';
import type { IngestionService } from '../ingestion/ingestion.service.js';
import type { RuleSet } from '../ingestion/rule-set.js';
import type { CommitQueue } from '../ingestion/commit-queue.js';
import type { ErasureService } from '../logs/erasure.service.js';
import type { Journal } from '../logs/journal.js';
import type { JobTable } from '../jobs/job-table.js';
import type { QuarantineService } from '../quarantine/quarantine.service.js';
import type { PluginInstance } from '../plugins/index.js';
import type { ProofService } from '../proofs/proof.service.js';
import type { Callers, Clock, Ingest, Logger } from '../spi/index.js';
import type { Store } from '../stores/store.js';
import type { Anchoring } from './compose-anchoring.js';
import type { MissingNumbers } from './compose-device-desk.js';
import type { MeterServices } from './compose-meters.js';
import type { DeviceKeys } from './device-keys.js';
import type { HealthBoard } from './health-board.js';
import type { PluginHttp } from './plugin-http.js';
import type { ReadingSubmission } from './submit-reading.js';

/** The assembled services, started and stopped as one. */
export interface Gateway extends MeterServices {
  readonly origin: string;
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly ingestion: IngestionService;
  readonly apiKeys: ApiKeyService;
  readonly users: UserService;
  /** API keys of one meter. */
  readonly deviceKeys: DeviceKeys;
  readonly submissions: ReadingSubmission;
  readonly meters: MeterService;
  readonly keys: KeyService;
  /** Account of what neither a key nor a registered meter gives an owner. */
  readonly defaultAccount: string;
  readonly plugins: readonly PluginInstance[];
  readonly pluginHttp: PluginHttp;
  /** Who is at the other end of connections. */
  readonly callers: Callers;
  /** Ingestion as transports see it: senders are those of `callers`. */
  readonly transportIngest: Ingest;
  readonly jobs: JobTable;
  readonly subscribers: Subscribers;
  readonly webhooks: WebhookService;
  readonly health: HealthBoard;
  readonly proofs: ProofService;
  readonly batcher: Batcher;
  readonly anchoring: Anchoring;
  readonly logKeys: LogKeys;
  readonly ingestQueue: CommitQueue;
  /** Writes what the gateway itself states as entries of the log. */
  readonly journal: Journal;
  readonly erasures: ErasureService;
  /** Files of readings. */
  readonly imports: ImportService;
  /** The rules that judge readings now. */
  readonly ruleSet: RuleSet;
  /** Meters whose energy is frozen by what their device signed. */
  readonly minting: MintingSuspensions;
  /** Readings that wait for somebody. */
  readonly quarantine: QuarantineService;
  /** One kilowatt-hour, one claim. */
  readonly energyLedger: EnergyLedger;
  /** What devices say besides readings. */
  readonly desk: DeviceDeskService;
  readonly alerts: AlertReview;
  /** What devices are asked to do. */
  readonly commands: DeviceCommands;
  /** Asks devices for readings that are missing. */
  readonly resend: Resend;
  /** Among the newest of each key, as this replica counted them last; undefined when another replica counts. */
  missingNumbers(): MissingNumbers | undefined;
  /** What looks at readings after their commit, and its detectors in order. */
  readonly detection: Detection;
  readonly detectors: readonly ActiveDetector[];
  /** Which library checks device signatures. */
  readonly signatureBackend: string;
  /** Stores, anchors, batcher, transports; rejects when one cannot. A second call is the same start. */
  start(): Promise<void>;
  /** Ends the transports and readiness, as the first part of `stop`; requests under way can still be answered. */
  drain(): Promise<void>;
  /** The reverse; waits for what is under way. A second call is the same stop. */
  stop(): Promise<void>;
}
