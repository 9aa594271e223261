import type { Caller, DeviceCommand, DomainEvent, IngestItem } from '@wattproof/core/spi';
import type { WsConfig } from './ws.config.js';

/** Limits that a client can keep to. */
export interface Limits {
  readonly max_message_bytes: number;
  readonly max_in_flight: number;
  readonly max_subscriptions: number;
  readonly auth_timeout_ms: number;
  readonly ping_interval_ms: number;
}

export function limitsOf(config: WsConfig): Limits {
  return {
    max_message_bytes: config.maxMessageBytes,
    max_in_flight: config.maxInFlight,
    max_subscriptions: config.maxSubscriptions,
    auth_timeout_ms: config.authTimeoutMs,
    ping_interval_ms: config.pingIntervalMs,
  };
}

/** Everything that the gateway says, as it goes over the wire. */
export type ServerMessage =
  | {
      readonly type: 'hello';
      readonly protocol: string;
      /** Name of the log: part of what a device signs. */
      readonly origin: string;
      /** Null: show who you are. */
      readonly caller: CallerSummary | null;
      readonly anonymous: boolean;
      readonly limits: Limits;
    }
  | { readonly type: 'challenge'; readonly challenge: string }
  | { readonly type: 'authenticated'; readonly caller: CallerSummary }
  | {
      readonly type: 'ack';
      readonly id: string;
      readonly items?: readonly IngestItem[];
      readonly outcome?: string;
      readonly alert?: string;
    }
  | {
      readonly type: 'nack';
      readonly id: string | null;
      readonly code: string;
      readonly detail: string;
    }
  | {
      readonly type: 'retry';
      readonly id: string;
      readonly code: string;
      readonly retry_after_ms: number;
    }
  | { readonly type: 'subscribed' | 'unsubscribed'; readonly id: string }
  | {
      readonly type: 'dropped';
      readonly count: number;
      readonly from_id: string;
      readonly to_id: string;
    }
  | { readonly type: 'command'; readonly body: object };

export interface CallerSummary {
  readonly kind: Caller['kind'];
  readonly id: string;
  readonly meter_ids?: readonly string[];
}

export function callerSummary({ kind, id, meterIds }: Caller): CallerSummary {
  return { kind, id, ...(meterIds === undefined ? {} : { meter_ids: meterIds }) };
}

/** An event as webhooks send it too. Written once, however many clients hear it. */
export function eventText({ id, type, atMs, data }: DomainEvent): string {
  return JSON.stringify({ id, type, at: new Date(atMs).toISOString(), data });
}

/** `event`, to these subscriptions of one client. */
export function eventMessage(subscriptions: readonly string[], event: string): string {
  return `{"type":"event","subscriptions":${JSON.stringify(subscriptions)},"event":${event}}`;
}

/** As on every transport. */
export function commandMessage(command: DeviceCommand): ServerMessage {
  const { id, nonce, device, name, deadlineMs, body } = command;
  const deadline = new Date(deadlineMs).toISOString();
  return { type: 'command', body: { id, nonce, device, name, deadline, body } };
}
