export type { AccessClass, Principal } from './accounts/access.js';
export { ApiKeyService } from './accounts/api-key.service.js';
export { UserService } from './accounts/user.service.js';
export { AnchoringEngine } from './anchoring/index.js';
export { Batcher } from './batching/batcher.js';
export type { ActiveDetector } from './detectors/active-detector.js';
export { defaultDetectors, openDetector } from './detectors/open-detectors.js';
export { MeterService } from './devices/meter.service.js';
export { EnergyLedger } from './energy-ledger/index.js';
export { Subscribers } from './events/subscribers.js';
export { composeGateway } from './gateway/compose-gateway.js';
export { adoptStore, examineLog, type LogExamination } from './gateway/examine-log.js';
export type {
  BatchPolicy,
  GatewayOptions,
  GatewayReplacements,
} from './gateway/gateway-options.js';
export type { Gateway } from './gateway/gateway.js';
export { rotateLogKey, type RotatedLogKey } from './gateway/rotate-log-key.js';
export { IngestionService } from './ingestion/ingestion.service.js';
export type { Job, JobRole, JobStatus } from './jobs/job.js';
export { JobTable, type Ticker } from './jobs/job-table.js';
export {
  BATCH_POLICY,
  DETECTORS,
  GATEWAY,
  HTTP_OPTIONS,
  type HttpOptions,
  IDENTITY,
  type Identity,
  STORE,
} from './nest/tokens.js';
export {
  WattproofModule,
  type WattproofModuleAsyncOptions,
  type WattproofModuleOptions,
  type WattproofReplacements,
} from './nest/wattproof.module.js';
export { ProofService } from './proofs/proof.service.js';
export { type Store, StoreUnavailable } from './stores/store.js';
