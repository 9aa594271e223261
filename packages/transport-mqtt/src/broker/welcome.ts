import type { Caller } from '@wattproof/core/spi';

/** What becomes of a CONNECT. */
export type Welcome =
  | {
      readonly kind: 'welcome';
      readonly caller: Caller | undefined;
      readonly clientId: string;
      /** Client ids are the caller's own: nobody takes over another's session. */
      readonly sessionId: string;
      readonly sessionPresent: boolean;
      readonly fresh: boolean;
      readonly expiryMs: number;
    }
  | {
      readonly kind: 'refused';
      readonly code: string;
      /** CONNACK of MQTT 3.1.1 (3.2.2.3) and of 5.0 (3.2.2.2). */
      readonly returnCode: number;
      readonly reasonCode: number;
    };

const REFUSALS = {
  unsupported_version: [1, 0x84],
  protocol_error: [5, 0x82],
  client_id_invalid: [2, 0x85],
  store_unavailable: [3, 0x88],
  stopping: [3, 0x88],
  connection_rate_exceeded: [3, 0x9f],
  too_many_connections: [3, 0x97],
  credentials_unknown: [4, 0x86],
  credentials_missing: [5, 0x87],
  authentication_method_unknown: [5, 0x8c],
} as const;

export function refused(code: keyof typeof REFUSALS): Welcome & { kind: 'refused' } {
  const [returnCode, reasonCode] = REFUSALS[code];
  return { kind: 'refused', code, returnCode, reasonCode };
}
