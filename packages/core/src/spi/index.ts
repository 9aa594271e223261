export type {
  Anchor,
  AnchorCapabilities,
  AnchorIntent,
  AnchorQuote,
  Attempt,
  AttemptState,
  Draft,
  Fee,
  Inclusion,
  Observation,
  PrepareOptions,
  SignedAttempt,
} from './anchor.js';
export {
  ANCHOR_ERROR_REASONS,
  AnchorError,
  type AnchorErrorReason,
  isAnchorError,
} from './anchor-error.js';
export type {
  AnchorPorts,
  CashMove,
  CashPort,
  CertificatePort,
  LedgerOperation,
  Payment,
  SettlementPort,
  TokenPort,
  WalletPort,
} from './anchor-ports.js';
export type { AnchorTask, AnchorTaskRequest } from './anchor-task.js';
export { PORT_REFUSALS, PortRefusal, type PortRefusalCode } from './port-refusal.js';
export type { Caller, Callers, Credential } from './caller.js';
export { type DeviceDesk, DeskRefusal } from './device-desk.js';
export { CollectionConflict } from './context.js';
export type {
  Clock,
  CollectionDeclaration,
  Collections,
  CollectionWrite,
  DomainEvent,
  EventSource,
  Following,
  HostNeeds,
  HttpHost,
  HttpRequest,
  HttpResponse,
  Jobs,
  Logger,
  PluginContext,
  RangeQuery,
  Signer,
  StoredDocument,
  Subscription,
  UpgradeRequest,
} from './context.js';
export type {
  Detector,
  DetectorCapabilities,
  DetectorFinding,
  DetectorHistory,
  DetectorInputs,
} from './detector.js';
export type { FormatCapabilities, FormatCodec } from './format.js';
export type { Health } from './health.js';
export {
  defineAnchor,
  defineDetector,
  defineFormat,
  definePricing,
  defineTransport,
  isPlugin,
} from './plugin.js';
export type { Plugin, PluginKind, PluginKinds, PluginOptions } from './plugin.js';
export type { ExportedProof, HashStep, ProofToExport } from './proof-export.js';
export type { PriceFactor, PriceQuote, PricingCapabilities, PricingModel } from './pricing.js';
export { DURABILITY_CLASSES, type DurabilityClass } from './store.js';
export type {
  CommandPort,
  DeviceCommand,
  InboundMessage,
  Ingest,
  IngestAnswer,
  IngestItem,
  Transport,
  TransportCapabilities,
} from './transport.js';
export { SPI_VERSION } from './version.js';
export type {
  Commitment,
  Evidence,
  EvidenceContext,
  EvidenceVerdict,
  EvidenceVerifier,
  HeaderSource,
  JsonObject,
  JsonValue,
  TrustLevel,
} from '../verify/contracts.js';
