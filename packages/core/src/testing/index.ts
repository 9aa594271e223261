export { Cut, type CutMoment, CutPoint } from './cut-at-await.js';
export { type AnchorSuiteOptions, describeAnchor } from './describe-anchor.js';
export { describePorts } from './describe-ports.js';
export { describePricing, type PricingSuiteOptions } from './describe-pricing.js';
export { describeStore, type StoreSuiteOptions, type TestRunner } from './describe-store.js';
export {
  describeTransport,
  type ReceivedCommand,
  type SendOutcome,
  type TransportClient,
  type TransportDriver,
  type TransportSuiteOptions,
} from './describe-transport.js';
export { DrivenAnchor } from './driven-anchor.js';
export { FakeClock } from './fake-clock.js';
export { checkHistory, type ClientRecord, type HistoryVerdict } from './history-checker.js';
export { PostgresMissing, type PostgresVersion } from './postgres/binaries.js';
export {
  startPostgres,
  type StartPostgresOptions,
  type TestPostgres,
} from './postgres/start-postgres.js';
export {
  type ChangedProofs,
  checkChanges,
  type ProofChange,
  proofChanges,
  rememberedEquation,
} from './proof-changes.js';
export { askGateway, proveReading, type ProvenReading } from './prove-reading.js';
export { silentLogger } from './silent-logger.js';
export { freePort, freePorts } from './process/free-ports.js';
export { auditStore, type StoreAudit } from './process/audit-store.js';
export {
  type AnsweredItem,
  type BufferingDeviceOptions,
  type DeviceHistory,
  runBufferingDevice,
  runSendingDevice,
  type SendingDeviceOptions,
} from './process/buffering-device.js';
export {
  type GatewayProcess,
  type GatewayProcessOptions,
  startGatewayProcess,
} from './process/gateway-process.js';
export {
  startTestGateway,
  TEST_ADMIN_KEY,
  type TestGateway,
  type TestGatewayOptions,
} from './start-test-gateway.js';
export {
  fakeAnchor,
  fakeHeaders,
  FakeLedger,
  fakeSuite,
  fakeVerifier,
} from './fake-ledger/index.js';
export { VERDICT_CODES } from '../ingestion/verdict-codes.js';
export {
  ACCEPTED_ITEM,
  Arrival,
  createTransport,
  DrivenJobs,
  HeldIngest,
  KeptDesk,
  KnownCallers,
  LocalHttpHost,
  type RunningTransport,
  ToldEvents,
  TransportHost,
} from './transport-suite/index.js';
