import type { Caller, Health } from '@wattproof/core/spi';

/** One PUBLISH as it came in, at whichever end of MQTT the gateway stands. */
export interface LinkMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  /** Bytes it had, when `payload` holds only the first of a message that is too large. */
  readonly payloadBytes?: number;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  /** Sent before, as far as the sender knows. */
  readonly duplicate: boolean;
  /** MQTT 5 content type, when the sender stated one. */
  readonly contentType?: string;
  /** Whom the link itself has authenticated: set by the embedded broker, never by a broker's client. */
  readonly caller?: Caller;
  /** Published by the embedded broker on behalf of a device that went without goodbye. */
  readonly will?: boolean;
  /** A will of an old connection: the device has come back over another one. */
  readonly speakerIsHere?: boolean;
  /** Whose unsigned readings are counted together: an address, a client id, a topic. */
  readonly source: string;
}

/**
 * What becomes of a message. `acknowledge`: everything it says is durable or refused for good, `reasonCode` says which to
 * those who can hear it (MQTT 5). `withhold`: nothing was kept; no PUBACK, so that it comes again.
 */
export type Outcome =
  | {
      readonly kind: 'acknowledge';
      readonly reasonCode: PubackReason;
      /** User properties of an MQTT 5 PUBACK. */
      readonly properties?: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: 'withhold';
      readonly why: 'throttled' | 'store_unavailable';
      readonly retryAfterMs: number;
    };

/** MQTT 5.0, 3.4.2.1: success, implementation specific error, not authorized, quota exceeded, payload format invalid. */
export type PubackReason = 0x00 | 0x83 | 0x87 | 0x97 | 0x99;

/** Never rejects. Resolves after the commit. Called for many messages at once. */
export type TakeMessage = (message: LinkMessage) => Promise<Outcome>;

/** One end of MQTT: a client of somebody's broker, or the broker itself. */
export interface Link {
  /** Begins to take messages. Rejects when it never can: a port that is taken, a file that is not there. */
  open(take: TakeMessage): Promise<void>;
  /** Takes nothing new, waits for what is under way and acknowledges it, then closes. Safe to call twice. */
  close(): Promise<void>;
  /** `unreachable`: nobody is there to read the topic, and nothing keeps the message for them. */
  publish(
    topic: string,
    payload: Uint8Array | string,
    options: { readonly qos: 0 | 1; readonly signal?: AbortSignal },
  ): Promise<'sent' | 'unreachable'>;
  health(): Health;
}
