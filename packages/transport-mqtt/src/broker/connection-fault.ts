/** Why the broker ends a connection, and how MQTT 5 says it (5.0, 2.4). 3.1.1 has no words for it: the connection closes. */
export const FAULTS = {
  unspecified: 0x80,
  malformed_packet: 0x81,
  protocol_error: 0x82,
  not_authorized: 0x87,
  server_unavailable: 0x88,
  server_busy: 0x89,
  server_shutting_down: 0x8b,
  handshake_timeout: 0x8d,
  packet_timeout: 0x8d,
  keep_alive_timeout: 0x8d,
  session_taken_over: 0x8e,
  topic_name_invalid: 0x90,
  topic_alias_invalid: 0x94,
  packet_too_large: 0x95,
  quota_exceeded: 0x97,
  slow_reader: 0x97,
  connection_rate_exceeded: 0x9f,
  subscription_ids_not_supported: 0xa1,
} as const;
export type FaultCode = keyof typeof FAULTS;

/** A connection that cannot go on. */
export class ConnectionFault extends Error {
  override readonly name = 'ConnectionFault';

  constructor(
    readonly code: FaultCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
