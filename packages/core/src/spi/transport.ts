import type { JsonObject } from '../verify/contracts.js';
import type { Caller } from './caller.js';
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
  /** Whom the transport authenticated, if it did, by `context.callers`. */
  readonly caller?: Caller;
  /** What stands behind a reading without a signature, for the meters of `vouchesFor` or of a caller that is a device. */
  readonly assurance: 'transport' | 'reader' | 'import' | 'unsigned';
  /**
   * Meters whose readings the transport itself is sure of: a source that the configuration ties to them, a topic that only
   * their device can write to. Unsigned readings of others count as unsigned.
   */
  readonly vouchesFor?: readonly string[];
  /** Whose unsigned readings are counted together when nobody is known: an address, a connection, a topic. */
  readonly source?: string;
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

/** Asks devices to do something. What they answer comes in by `context.desk.answered`, at any time, at any replica. */
export interface CommandPort {
  /**
   * Sends the request on its way. `unreachable`: the device is not connected here and nothing keeps the request for it.
   * The same command may be sent again; the device answers the same.
   */
  send(command: DeviceCommand, signal: AbortSignal): Promise<'sent' | 'unreachable'>;
}
export interface DeviceCommand {
  readonly id: string;
  /** 32 hex; the answer repeats it. */
  readonly nonce: string;
  /** Id of the meter. */
  readonly device: string;
  /** `resend`, `lock`, … */
  readonly name: string;
  readonly body: JsonObject;
  /** After this instant the device does nothing and an answer is late; ms since 1970. */
  readonly deadlineMs: number;
}

export interface TransportCapabilities {
  readonly protocol: string;
  readonly commands: boolean;
}
