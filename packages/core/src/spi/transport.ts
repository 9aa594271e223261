import type { Health } from './health.js';

/** One message as it came in. The bytes are kept verbatim. */
export interface InboundMessage {
  /** `application/json` (one envelope or an array), `application/x-ndjson`, `application/cose` (one COSE_Sign1) or `text/plain` (one OCMF record). */
  readonly contentType:
    | 'application/json'
    | 'application/x-ndjson'
    | 'application/cose'
    | 'text/plain';
  readonly bytes: Uint8Array;
  /** Whom the transport authenticated, if it did: a device by mutual TLS or its own credential. */
  readonly principal?: { readonly kind: 'device' | 'api-key'; readonly id: string };
  /** What the transport vouches for when a reading has no signature. */
  readonly assurance: 'transport' | 'reader' | 'import' | 'unsigned';
}

export interface IngestItem {
  readonly id: string | null;
  readonly leaf_hash: string | null;
  readonly verdict: 'accepted' | 'duplicate' | 'flagged' | 'quarantined' | 'rejected';
  /** Stable code, when there is something to explain. */
  readonly reason?: string;
  readonly detail?: string;
  readonly duplicate: boolean;
  readonly receipt: object | null;
}

/** `items`: every item is durable or refused for good. `retry`: nothing was kept; send it again later. */
export type IngestAnswer =
  | { readonly kind: 'items'; readonly items: readonly IngestItem[] }
  | { readonly kind: 'refused'; readonly code: string; readonly detail: string }
  | {
      readonly kind: 'retry';
      readonly code: 'throttled' | 'store_unavailable';
      readonly retryAfterMs: number;
    };

/** Where a transport puts messages. Resolves only after commit: acknowledge to the device then, never before. */
export interface Ingest {
  accept(message: InboundMessage, signal?: AbortSignal): Promise<IngestAnswer>;
}

/** Speaks a protocol. It never acknowledges before `accept` resolved with `items`. */
export interface Transport {
  /** Begins to take messages; rejects when it cannot. */
  start(ingest: Ingest): Promise<void>;
  /** Refuses new messages, waits for those under way, then closes. Safe to call twice. */
  stop(): Promise<void>;
  health(): Promise<Health>;
  /** Requests to devices, when `capabilities.commands` is true. */
  readonly commands?: CommandPort;
}

/** Asks a device to do something and brings back its signed answer. */
export interface CommandPort {
  send(
    command: {
      readonly id: string;
      readonly device: string;
      readonly name: string;
      readonly body: object;
      readonly deadlineMs: number;
    },
    signal: AbortSignal,
  ): Promise<CommandAnswer>;
}
export type CommandAnswer =
  | { readonly kind: 'answered'; readonly bytes: Uint8Array; readonly signature?: Uint8Array }
  | { readonly kind: 'timeout' };

export interface TransportCapabilities {
  readonly protocol: string;
  readonly commands: boolean;
}
