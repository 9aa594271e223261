/** The embedded broker cannot start. */
export class BrokerError extends Error {
  override readonly name = 'BrokerError';

  constructor(
    readonly code: 'port_taken' | 'listen_failed' | 'tls_unusable' | 'websocket_unusable',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
