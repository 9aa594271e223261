/** `tls_invalid`, `broker_closed`, `broker_refused`, `broker_silent`, `subscription_refused`, `publish_refused`, `publish_too_large`. */
export class ClientError extends Error {
  override readonly name = 'ClientError';

  constructor(
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
