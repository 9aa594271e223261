// with StandardSchemaV1 of @standard-schema/spec
export declare const ANCHOR_ERROR_REASONS: readonly [
    "invalid",
    "rejected",
    "underpriced",
    "insufficient-funds",
    "capped",
    "conflict",
    "irreplaceable",
    "expired",
    "not-found",
    "unavailable"
];
export declare interface Anchor {
    quote(intent: AnchorIntent, signal: AbortSignal): Promise<AnchorQuote>;
    prepare(intent: AnchorIntent, prior: readonly Attempt[], options: PrepareOptions): Promise<Draft>;
    sign(intent: AnchorIntent, draft: Draft, signal: AbortSignal): Promise<SignedAttempt>;
    broadcast(attempt: SignedAttempt, signal: AbortSignal): Promise<'accepted' | 'known'>;
    observe(attempts: readonly Attempt[], signal: AbortSignal): Promise<readonly Observation[]>;
    evidence(intent: AnchorIntent, attempt: Attempt, signal: AbortSignal): Promise<Evidence>;
    exportProof?(proof: ProofToExport): Promise<ExportedProof | undefined>;
    findExisting?(intent: AnchorIntent, signal: AbortSignal): Promise<SignedAttempt | undefined>;
    latest?(origin: string, signal: AbortSignal): Promise<{
        readonly size: bigint;
        readonly digest: Uint8Array;
    } | undefined>;
    health(signal: AbortSignal): Promise<Health>;
    close(): Promise<void>;
    readonly ports?: AnchorPorts;
    readonly tasks?: Readonly<Record<string, AnchorTask>>;
}
export declare interface AnchorCapabilities {
    readonly exclusion: 'ledger' | 'expiry' | 'none';
    readonly cost: 'free' | 'paid';
    readonly finality: 'probabilistic' | 'deterministic';
    readonly reorgs: boolean;
    readonly bump: readonly [
    ] | readonly [
        'replace'
    ] | readonly [
        'child'
    ] | readonly [
        'replace',
        'child'
    ];
    readonly evidence: readonly string[];
    readonly trust: TrustLevel;
    readonly ports?: readonly (keyof AnchorPorts)[];
    readonly exports?: readonly string[];
}
export declare class AnchorError extends Error {
    readonly reason: AnchorErrorReason;
    readonly name = "AnchorError";
    constructor(reason: AnchorErrorReason, message: string, options?: ErrorOptions);
}
export declare type AnchorErrorReason = (typeof ANCHOR_ERROR_REASONS)[number];
export declare interface AnchorIntent {
    readonly id: string;
    readonly anchor: string;
    readonly commitment: Commitment;
    readonly createdAtMs: number;
}
export declare interface AnchorPorts {
    readonly tokens?: TokenPort;
    readonly certificates?: CertificatePort;
    readonly settlement?: SettlementPort;
    readonly wallet?: WalletPort;
}
export declare interface AnchorQuote {
    readonly fee: Fee;
    readonly balance?: bigint;
}
export declare interface AnchorTask {
    readonly about: string;
    readonly values?: Readonly<Record<string, string>>;
    run(request: AnchorTaskRequest): Promise<void>;
}
export declare interface AnchorTaskRequest {
    readonly values: Readonly<Record<string, string>>;
    readonly dryRun: boolean;
    readonly out: (line: string) => void;
    readonly signal: AbortSignal;
}
export declare interface Attempt extends SignedAttempt {
    readonly intentId: string;
    readonly number: number;
    readonly childOf?: string;
    readonly state: AttemptState;
    readonly inclusion?: Inclusion;
    readonly createdAtMs: number;
    readonly broadcastAtMs?: number;
}
export declare type AttemptState = 'signed' | 'broadcast' | 'seen' | 'included' | 'final' | 'expired' | 'reorged' | 'replaced' | 'failed';
export declare interface Caller {
    readonly kind: 'device' | 'api-key' | 'admin-key';
    readonly id: string;
    readonly accountId: string;
    readonly meterIds?: readonly string[];
    readonly scopes: readonly string[];
}
export declare interface Callers {
    challenge(): Promise<string>;
    authenticate(credential: Credential): Promise<Caller | undefined>;
    isValid(caller: Caller): Promise<boolean>;
    maySpeakFor(caller: Caller, meterId: string): Promise<boolean>;
    mayHear(caller: Caller, event: DomainEvent): Promise<boolean>;
}
declare interface CanonicalDocument {
    readonly format: string;
    readonly bytes: Uint8Array;
    readonly reading?: ReadingFacts;
}
export declare interface CashMove {
    readonly key: string;
    readonly account: string;
    readonly payment: Payment;
}
export declare interface CashPort {
    deposit(request: CashMove, signal: AbortSignal): Promise<LedgerOperation>;
    withdraw(request: CashMove, signal: AbortSignal): Promise<LedgerOperation>;
}
export declare interface CertificatePort {
    issue(request: {
        readonly key: string;
        readonly to: string;
        readonly certificateHash: Uint8Array;
        readonly energyWh: bigint;
    }, signal: AbortSignal): Promise<LedgerOperation>;
    transfer(request: {
        readonly key: string;
        readonly certificateHash: Uint8Array;
        readonly from: string;
        readonly to: string;
        readonly energyWh: bigint;
    }, signal: AbortSignal): Promise<LedgerOperation>;
    retire(request: {
        readonly key: string;
        readonly certificateHash: Uint8Array;
        readonly from: string;
        readonly energyWh: bigint;
        readonly beneficiary?: string;
    }, signal: AbortSignal): Promise<LedgerOperation>;
    holding(certificateHash: Uint8Array, account: string, signal: AbortSignal): Promise<{
        readonly heldWh: bigint;
        readonly retiredWh: bigint;
    }>;
}
export declare interface Clock {
    nowMs(): number;
}
export declare class CollectionConflict extends Error {
    readonly collection: string;
    readonly key: string;
    readonly expectedVersion: number;
    readonly actualVersion: number;
    readonly name = "CollectionConflict";
    readonly code = "collection_conflict";
    constructor(collection: string, key: string, expectedVersion: number, actualVersion: number);
}
export declare interface CollectionDeclaration {
    readonly name: string;
    readonly version: number;
    readonly indexes?: readonly string[];
    migrate?(document: JsonObject, fromVersion: number): JsonObject;
}
export declare type CollectionWrite = {
    readonly op: 'put';
    readonly collection: string;
    readonly key: string;
    readonly value: JsonObject;
    readonly expectedVersion?: number;
} | {
    readonly op: 'delete';
    readonly collection: string;
    readonly key: string;
    readonly expectedVersion?: number;
};
export declare interface Collections {
    get(collection: string, key: string): Promise<StoredDocument | undefined>;
    put(collection: string, key: string, value: JsonObject, expectedVersion?: number): Promise<number>;
    delete(collection: string, key: string, expectedVersion?: number): Promise<boolean>;
    batch(writes: readonly CollectionWrite[]): Promise<void>;
    range(collection: string, query: RangeQuery): Promise<{
        readonly items: readonly StoredDocument[];
        readonly cursor?: string;
    }>;
}
export declare interface CommandPort {
    send(command: DeviceCommand, signal: AbortSignal): Promise<'sent' | 'unreachable'>;
}
export declare interface Commitment {
    readonly origin: string;
    readonly size: bigint;
    readonly root: Uint8Array;
    readonly digest: Uint8Array;
}
export declare type Credential = {
    readonly kind: 'api-key';
    readonly key: string;
} | {
    readonly kind: 'certificate';
    readonly publicKey: Uint8Array;
    readonly fromMs: number;
    readonly untilMs: number;
} | {
    readonly kind: 'device-signature';
    readonly keyId: string;
    readonly challenge: string;
    readonly signature: Uint8Array;
};
export declare const DURABILITY_CLASSES: readonly [
    "fsync",
    "process",
    "memory"
];
export declare class DeskRefusal extends Error {
    readonly code: string;
    readonly name = "DeskRefusal";
    constructor(code: string, message: string);
}
export declare interface Detector {
    inspect(inputs: DetectorInputs): DetectorFinding | undefined;
    recompute(inputs: JsonObject): DetectorFinding | undefined;
}
export declare interface DetectorCapabilities {
    readonly version: number;
    readonly canQuarantine: boolean;
    readonly neighbours?: boolean;
}
export declare interface DetectorFinding {
    readonly code: string;
    readonly action: 'flag' | 'quarantine';
    readonly detail: string;
    readonly inputs: JsonObject;
}
export declare interface DetectorHistory {
    readonly length: number;
    readonly startsMs: ArrayLike<number>;
    readonly endsMs: ArrayLike<number>;
    readonly energyUWh: ArrayLike<bigint>;
    readonly level: ArrayLike<number>;
}
export declare interface DetectorInputs {
    readonly meter: {
        readonly meterId: string;
        readonly ratingW?: number;
        readonly location?: {
            readonly latitude: number;
            readonly longitude: number;
        };
    };
    readonly reading: {
        readonly startsMs: number;
        readonly endsMs: number;
        readonly register: string;
        readonly direction?: 'generation' | 'consumption' | 'storage';
        readonly energyUWh: bigint;
        readonly level: number;
        readonly estimated: boolean;
    };
    readonly history: DetectorHistory;
    readonly neighbours: readonly {
        readonly ratingW?: number;
        readonly history: DetectorHistory;
    }[];
}
export declare interface DeviceCommand {
    readonly id: string;
    readonly nonce: string;
    readonly device: string;
    readonly name: string;
    readonly body: JsonObject;
    readonly deadlineMs: number;
}
export declare interface DeviceDesk {
    seen(device: string, atMs: number): void;
    presence(change: {
        readonly device: string;
        readonly state: 'online' | 'offline';
        readonly why: 'connected' | 'disconnected' | 'will' | 'timeout' | 'status';
        readonly atMs: number;
    }): Promise<void>;
    telemetry(report: {
        readonly device: string;
        readonly atMs: number;
        readonly availableEnergyUWh?: bigint;
        readonly body: JsonObject;
    }): Promise<void>;
    alert(alert: {
        readonly device: string;
        readonly severity: 'info' | 'warning' | 'critical';
        readonly code: string;
        readonly text: string;
        readonly atMs: number;
        readonly body: JsonObject;
    }): Promise<{
        readonly id: string;
        readonly duplicate: boolean;
    }>;
    progress(report: {
        readonly transferId: string;
        readonly device?: string;
        readonly state: string;
        readonly deliveredUWh?: bigint;
        readonly atMs: number;
        readonly body: JsonObject;
    }): Promise<void>;
    deadLetter(letter: {
        readonly source: string;
        readonly device?: string;
        readonly code: string;
        readonly detail: string;
        readonly bytes: Uint8Array;
        readonly size?: number;
    }): Promise<void>;
    answered(device: string, bytes: Uint8Array): Promise<'accepted' | 'duplicate' | 'late' | 'unknown' | 'invalid'>;
}
export declare interface DomainEvent {
    readonly id: string;
    readonly type: string;
    readonly atMs: number;
    readonly data: JsonObject;
}
export declare interface Draft {
    readonly conflictKey: string;
    readonly fee: Fee;
    readonly payload: JsonObject;
}
export declare type DurabilityClass = (typeof DURABILITY_CLASSES)[number];
export declare interface EventSource {
    subscribe(cursor: string, handle: (event: DomainEvent) => Promise<void>): Subscription;
    follow(handle: (events: readonly DomainEvent[]) => void): Following;
}
export declare interface Evidence {
    readonly type: string;
    readonly anchor: string;
    readonly ledger: string;
    readonly trust: TrustLevel;
    readonly body: JsonObject;
}
export declare interface EvidenceContext {
    readonly headers?: HeaderSource;
    readonly trustedKeys: readonly string[];
}
export declare type EvidenceVerdict = {
    readonly ok: true;
    readonly trust: TrustLevel;
    readonly statement: string;
    readonly notAfterMs?: number;
} | {
    readonly ok: false;
    readonly code: string;
    readonly detail: string;
};
export declare interface EvidenceVerifier {
    readonly type: string;
    verify(commitment: Commitment, evidence: Evidence, context: EvidenceContext): Promise<EvidenceVerdict>;
}
export declare interface ExportedProof {
    readonly mediaType: string;
    readonly extension: string;
    readonly bytes: Uint8Array;
}
export declare interface Fee {
    readonly amount: bigint;
    readonly unit: string;
    readonly rate?: {
        readonly amount: number;
        readonly unit: string;
    };
}
export declare interface Following extends Subscription {
    readonly ready: Promise<void>;
}
export declare interface FormatCapabilities {
    readonly type: string;
}
export declare interface FormatCodec {
    readonly name: string;
    read(json: string): CanonicalDocument;
}
export declare interface HashStep {
    readonly prefix: Uint8Array;
    readonly suffix: Uint8Array;
}
export declare interface HeaderSource {
    header(ledger: string, reference: {
        readonly height?: number;
        readonly hash?: string;
    }): Promise<Uint8Array | undefined>;
}
export declare interface Health {
    readonly live: boolean;
    readonly ready: boolean;
    readonly detail?: string;
    readonly facts?: Readonly<Record<string, string | number>>;
}
export declare interface HostNeeds {
    readonly events?: readonly string[];
    readonly http?: boolean | {
        readonly guards: readonly string[];
    };
    readonly collections?: readonly CollectionDeclaration[];
    readonly jobs?: boolean;
    readonly signer?: 'ledger';
    readonly callers?: boolean;
    readonly desk?: boolean;
}
export declare interface HttpHost {
    route(method: string, path: string, handle: (request: HttpRequest) => Promise<HttpResponse>): void;
    upgrade(path: string, handle: (request: UpgradeRequest, socket: unknown, head: Uint8Array) => void): void;
    guard(name: string, check: (request: HttpRequest) => Promise<HttpResponse | undefined>): void;
}
export declare interface HttpRequest {
    readonly method: string;
    readonly url: string;
    readonly headers: {
        get(name: string): string | null;
    };
    arrayBuffer(): Promise<ArrayBuffer>;
}
export declare interface HttpResponse {
    readonly status: number;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string | Uint8Array;
}
export declare interface InboundMessage {
    readonly contentType: 'application/json' | 'application/x-ndjson' | 'application/cose' | 'text/plain';
    readonly bytes: Uint8Array;
    readonly caller?: Caller;
    readonly assurance: 'transport' | 'reader' | 'import' | 'unsigned';
    readonly vouchesFor?: readonly string[];
    readonly source?: string;
}
export declare interface Inclusion {
    readonly height: number;
    readonly blockHash: string;
    readonly blockTimeMs: number;
    readonly depth: number;
    readonly feePaid?: string;
}
export declare interface Ingest {
    accept(message: InboundMessage, signal?: AbortSignal): Promise<IngestAnswer>;
}
export declare type IngestAnswer = {
    readonly kind: 'items';
    readonly items: readonly IngestItem[];
} | {
    readonly kind: 'refused';
    readonly code: string;
    readonly detail: string;
} | {
    readonly kind: 'retry';
    readonly code: 'throttled' | 'store_unavailable';
    readonly retryAfterMs: number;
};
export declare interface IngestItem {
    readonly id: string | null;
    readonly leaf_hash: string | null;
    readonly verdict: 'accepted' | 'duplicate' | 'flagged' | 'quarantined' | 'rejected';
    readonly reason?: string;
    readonly detail?: string;
    readonly duplicate: boolean;
    readonly receipt: object | null;
}
export declare interface Jobs {
    every(name: string, everyMs: number, work: (signal: AbortSignal) => Promise<void>): void;
}
export declare type JsonObject = {
    readonly [key: string]: JsonValue;
};
export declare type JsonValue = null | boolean | number | string | readonly JsonValue[] | {
    readonly [key: string]: JsonValue;
};
export declare interface LedgerOperation {
    readonly txId: string;
    readonly status: 'pending' | 'included' | 'final';
    readonly existing: boolean;
}
export declare interface Logger {
    debug(message: string, fields?: object): void;
    info(message: string, fields?: object): void;
    warn(message: string, fields?: object): void;
    error(message: string, fields?: object): void;
}
declare interface MeasuredEnergy {
    readonly register: string;
    readonly energyUWh: bigint;
}
export declare interface Observation {
    readonly txId: string;
    readonly status: 'missing' | 'seen' | 'included' | 'final' | 'expired' | 'conflicted';
    readonly inclusion?: Inclusion;
    readonly conflictsWith?: string;
    readonly settled?: boolean;
}
declare const PLUGIN_TYPE = "@wattproof/plugin";
export declare const PORT_REFUSALS: readonly [
    "key_conflict",
    "balance_too_low",
    "certificate_exists",
    "certificate_unknown",
    "not_authorised",
    "request_invalid"
];
export declare interface Payment {
    readonly amount: bigint;
    readonly unit: string;
}
export declare interface Plugin<Kind extends PluginKind = PluginKind, Config extends StandardSchemaV1 = StandardSchemaV1> extends PluginOptions<Kind, Config> {
    readonly $type: typeof PLUGIN_TYPE;
    readonly kind: Kind;
    readonly spi: number;
}
export declare interface PluginContext {
    readonly instanceId: string;
    readonly origin: string;
    readonly logger: Logger;
    readonly clock: Clock;
    readonly collections?: Collections;
    readonly events?: EventSource;
    readonly http?: HttpHost;
    readonly jobs?: Jobs;
    readonly signer?: Signer;
    readonly callers?: Callers;
    readonly desk?: DeviceDesk;
}
export declare type PluginKind = keyof PluginKinds;
export declare interface PluginKinds {
    anchor: {
        instance: Anchor;
        capabilities: AnchorCapabilities;
    };
    transport: {
        instance: Transport;
        capabilities: TransportCapabilities;
    };
    pricing: {
        instance: PricingModel;
        capabilities: PricingCapabilities;
    };
    format: {
        instance: FormatCodec;
        capabilities: FormatCapabilities;
    };
    detector: {
        instance: Detector;
        capabilities: DetectorCapabilities;
    };
}
export declare interface PluginOptions<Kind extends PluginKind, Config extends StandardSchemaV1> {
    readonly name: string;
    readonly config: Config;
    readonly capabilities: PluginKinds[Kind]['capabilities'] & {
        readonly needs?: HostNeeds;
    };
    create(config: StandardSchemaV1.InferOutput<Config>, context: PluginContext): PluginKinds[Kind]['instance'];
}
export declare class PortRefusal extends AnchorError {
    readonly code: PortRefusalCode;
    constructor(code: PortRefusalCode, message: string, options?: ErrorOptions);
}
export declare type PortRefusalCode = (typeof PORT_REFUSALS)[number];
export declare interface PrepareOptions {
    readonly bump: number;
    readonly parent?: Attempt;
    readonly maxFee?: bigint;
    readonly signal: AbortSignal;
}
export declare interface PriceFactor {
    readonly name: string;
    readonly factor: string;
    readonly because: string;
}
export declare interface PriceQuote {
    readonly price: string;
    readonly currency: string;
    readonly factors: readonly PriceFactor[];
    readonly confidence: number;
    readonly missing: readonly string[];
}
export declare interface PricingCapabilities {
    readonly model: string;
}
export declare interface PricingModel {
    quote(inputs: JsonObject): PriceQuote;
}
export declare interface ProofToExport {
    readonly format: string;
    readonly digest: Uint8Array;
    readonly steps: readonly HashStep[];
    readonly commitment: Commitment;
    readonly evidence: Evidence;
}
export declare interface RangeQuery {
    readonly by?: string;
    readonly from?: JsonValue;
    readonly to?: JsonValue;
    readonly reverse?: boolean;
    readonly limit: number;
    readonly cursor?: string;
}
declare interface ReadingFacts {
    readonly siteId: string;
    readonly deviceId: string;
    readonly meterId: string;
    readonly startsMs: number;
    readonly endsMs: number;
    readonly energies: readonly MeasuredEnergy[];
    readonly sequence?: bigint;
    readonly estimated: boolean;
    readonly timeStatus?: 'U' | 'I' | 'R' | 'S';
    readonly wallet?: string;
    readonly supersedes?: string;
}
export declare const SPI_VERSION = 0;
export declare interface SettlementPort {
    settle(request: {
        readonly tradeId: string;
        readonly seller: string;
        readonly buyer: string;
        readonly energyUWh: bigint;
        readonly payment: Payment;
    }, signal: AbortSignal): Promise<LedgerOperation>;
    funds(account: string, unit: string, signal: AbortSignal): Promise<bigint>;
    readonly cash?: CashPort;
}
export declare interface SignedAttempt {
    readonly txId: string;
    readonly conflictKey: string;
    readonly signed: Uint8Array;
    readonly fee: Fee;
    readonly validUntil?: number;
    readonly detail?: JsonObject;
}
export declare interface Signer {
    readonly name: string;
    readonly vkey: string;
    sign(message: Uint8Array): Promise<Uint8Array>;
}
export declare interface StoredDocument {
    readonly key: string;
    readonly value: JsonObject;
    readonly version: number;
}
export declare interface Subscription {
    stop(): Promise<void>;
}
declare const TRUST_LEVELS: readonly [
    "operator",
    "witness",
    "rpc-quorum",
    "finality-signature",
    "light-client",
    "spv-pow"
];
export declare interface TokenPort {
    mint(request: {
        readonly key: string;
        readonly to: string;
        readonly energyUWh: bigint;
    }, signal: AbortSignal): Promise<LedgerOperation>;
    burn(request: {
        readonly key: string;
        readonly from: string;
        readonly energyUWh: bigint;
    }, signal: AbortSignal): Promise<LedgerOperation>;
    transfer(request: {
        readonly key: string;
        readonly from: string;
        readonly to: string;
        readonly energyUWh: bigint;
    }, signal: AbortSignal): Promise<LedgerOperation>;
    balance(account: string, signal: AbortSignal): Promise<bigint>;
}
export declare interface Transport {
    start(ingest: Ingest): Promise<void>;
    stop(): Promise<void>;
    health(): Promise<Health>;
    readonly commands?: CommandPort;
}
export declare interface TransportCapabilities {
    readonly protocol: string;
    readonly commands: boolean;
}
export declare type TrustLevel = (typeof TRUST_LEVELS)[number];
export declare interface UpgradeRequest extends HttpRequest {
    readonly source?: string;
    readonly certificate?: Extract<Credential, {
        readonly kind: 'certificate';
    }>;
}
export declare interface WalletPort {
    readonly chain: string;
    verifyLogin(request: {
        readonly address: string;
        readonly message: string;
        readonly signature: string;
        readonly challenge?: {
            readonly domain: string;
            readonly nonce: string;
        };
    }): Promise<boolean>;
}
export declare const defineAnchor: <Config extends StandardSchemaV1>(options: PluginOptions<"anchor", Config>) => Plugin<"anchor", Config>;
export declare const defineDetector: <Config extends StandardSchemaV1>(options: PluginOptions<"detector", Config>) => Plugin<"detector", Config>;
export declare const defineFormat: <Config extends StandardSchemaV1>(options: PluginOptions<"format", Config>) => Plugin<"format", Config>;
export declare const definePricing: <Config extends StandardSchemaV1>(options: PluginOptions<"pricing", Config>) => Plugin<"pricing", Config>;
export declare const defineTransport: <Config extends StandardSchemaV1>(options: PluginOptions<"transport", Config>) => Plugin<"transport", Config>;
export declare function isAnchorError(value: unknown): value is AnchorError;
export declare function isPlugin(value: unknown): value is Plugin;
