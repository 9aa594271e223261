import type { JsonObject, JsonValue } from '../verify/contracts.js';
import type { Callers, Credential } from './caller.js';
import type { DeviceDesk } from './device-desk.js';

/** Structured, redacted by the host. Messages are constant; what varies goes into fields. */
export interface Logger {
  debug(message: string, fields?: object): void;
  info(message: string, fields?: object): void;
  warn(message: string, fields?: object): void;
  error(message: string, fields?: object): void;
}

export interface Clock {
  /** Milliseconds since 1970 UTC. */
  nowMs(): number;
}

/** A secret the configuration named; plugins ask for its bytes, never for files or the environment. */
export interface Signer {
  /** Name of the key in signed notes: `<origin>/ledger`. */
  readonly name: string;
  /** C2SP verifier key of it. */
  readonly vkey: string;
  /** Ed25519 over the message, 64 bytes. */
  sign(message: Uint8Array): Promise<Uint8Array>;
}

/** What a plugin asks the host to lend it, declared in `capabilities.needs`. */
export interface HostNeeds {
  /** Types of events, or families of them: `reading.*`. */
  readonly events?: readonly string[];
  /** `guards`: names of the checks it offers, which configuration attaches to routes as `INSTANCE.CHECK`. */
  readonly http?: boolean | { readonly guards: readonly string[] };
  readonly collections?: readonly CollectionDeclaration[];
  readonly jobs?: boolean;
  /** `ledger`: signs blocks under `<origin>/ledger`. */
  readonly signer?: 'ledger';
  /** Who is at the other end of a connection. Transports only. */
  readonly callers?: boolean;
  /** Where what devices say besides readings goes. Transports only. */
  readonly desk?: boolean;
}

/** What the host lends one plugin instance. What was not declared is absent. */
export interface PluginContext {
  readonly instanceId: string;
  /** Name of the log this gateway keeps. */
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

// --- collections -------------------------------------------------------------------------------

export interface CollectionDeclaration {
  readonly name: string;
  /** Raise it to have `migrate` run once over every document. */
  readonly version: number;
  /** Fields of the document by which `range` can read; values must be strings or integers. */
  readonly indexes?: readonly string[];
  migrate?(document: JsonObject, fromVersion: number): JsonObject;
}

export interface StoredDocument {
  readonly key: string;
  readonly value: JsonObject;
  /** 1 for the first put; raised by every put. */
  readonly version: number;
}

export type CollectionWrite =
  | {
      readonly op: 'put';
      readonly collection: string;
      readonly key: string;
      readonly value: JsonObject;
      readonly expectedVersion?: number;
    }
  | {
      readonly op: 'delete';
      readonly collection: string;
      readonly key: string;
      readonly expectedVersion?: number;
    };

export interface RangeQuery {
  /** `key`, or a declared index. */
  readonly by?: string;
  /** Both bounds are inclusive. Integers sort before strings, strings by code point, equal values by key. */
  readonly from?: JsonValue;
  readonly to?: JsonValue;
  readonly reverse?: boolean;
  readonly limit: number;
  readonly cursor?: string;
}

/** Documents in the gateway's own store, private to one plugin instance. Durable before a promise resolves. */
export interface Collections {
  get(collection: string, key: string): Promise<StoredDocument | undefined>;
  /** `expectedVersion` 0 means "must not exist". A mismatch throws `CollectionConflict`. Resolves to the new version. */
  put(
    collection: string,
    key: string,
    value: JsonObject,
    expectedVersion?: number,
  ): Promise<number>;
  delete(collection: string, key: string, expectedVersion?: number): Promise<boolean>;
  /** All or nothing. */
  batch(writes: readonly CollectionWrite[]): Promise<void>;
  range(
    collection: string,
    query: RangeQuery,
  ): Promise<{ readonly items: readonly StoredDocument[]; readonly cursor?: string }>;
}

export class CollectionConflict extends Error {
  override readonly name = 'CollectionConflict';
  readonly code = 'collection_conflict';

  constructor(
    readonly collection: string,
    readonly key: string,
    readonly expectedVersion: number,
    readonly actualVersion: number,
  ) {
    super(
      `"${key}" in collection "${collection}" has version ${actualVersion}, expected ${expectedVersion}. Read it again and retry.`,
    );
  }
}

// --- events ------------------------------------------------------------------------------------

/** A committed domain event. Delivered at least once, in order per type, from a durable cursor. */
export interface DomainEvent {
  /** Grows with commit order as seen by the cursor; use it to deduplicate. */
  readonly id: string;
  /** `reading.accepted`, `batch.sealed`, `anchor.included`, `anchor.final`, … */
  readonly type: string;
  readonly atMs: number;
  readonly data: JsonObject;
}

export interface EventSource {
  /** `cursor` names the subscriber; after a restart delivery goes on behind the last handled event. */
  subscribe(cursor: string, handle: (event: DomainEvent) => Promise<void>): Subscription;
  /**
   * What is committed from now on, whichever replica commits it, on every replica that follows: in order, each event once.
   * Nothing is remembered for a follower, so what happens while nobody follows is not told later. `handle` returns at once
   * and must not throw.
   */
  follow(handle: (events: readonly DomainEvent[]) => void): Following;
}

export interface Subscription {
  /** Resolves when the handler runs no more. */
  stop(): Promise<void>;
}

export interface Following extends Subscription {
  /** Resolves when it hears: what is committed after that is told for certain. */
  readonly ready: Promise<void>;
}

// --- http --------------------------------------------------------------------------------------

/** Web-standard request and response, structurally: any runtime's own classes satisfy them. */
export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: { get(name: string): string | null };
  arrayBuffer(): Promise<ArrayBuffer>;
}
/** A request whose connection a plugin takes over, and what the host knows of the peer. */
export interface UpgradeRequest extends HttpRequest {
  /** Whose unsigned readings are counted together: the peer's address, of IPv6 its network. */
  readonly source?: string;
  /** Of its client certificate, checked by TLS here or by a proxy that the configuration names. */
  readonly certificate?: Extract<Credential, { readonly kind: 'certificate' }>;
}
export interface HttpResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

export interface HttpHost {
  /** Answers `method path` on the gateway's own server, below `/api/v1/plugins/<instance>/` unless absolute paths were configured. */
  route(
    method: string,
    path: string,
    handle: (request: HttpRequest) => Promise<HttpResponse>,
  ): void;
  /** Takes over an upgraded connection. `socket` is the host's raw duplex stream. */
  upgrade(
    path: string,
    handle: (request: UpgradeRequest, socket: unknown, head: Uint8Array) => void,
  ): void;
  /** A check declared in `needs.http.guards`, for routes that configuration names; a response refuses, undefined lets pass, an error is a 500. */
  guard(name: string, check: (request: HttpRequest) => Promise<HttpResponse | undefined>): void;
}

// --- jobs --------------------------------------------------------------------------------------

export interface Jobs {
  /** Runs `work` every `everyMs` on one replica at a time; `signal` aborts when the gateway stops or another replica took over. */
  every(name: string, everyMs: number, work: (signal: AbortSignal) => Promise<void>): void;
}
