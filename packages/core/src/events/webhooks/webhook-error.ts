/** Every way webhooks refuse, with the HTTP status that goes with it. */
export const WEBHOOK_ERRORS = {
  webhook_url_denied: 400,
  webhook_types_unknown: 400,
  webhook_range_invalid: 400,
  webhook_not_found: 404,
  delivery_not_found: 404,
  webhook_not_active: 409,
  too_many_webhooks: 409,
} as const;
export type WebhookErrorCode = keyof typeof WEBHOOK_ERRORS;

export class WebhookError extends Error {
  override readonly name = 'WebhookError';
  readonly status: number;

  constructor(
    readonly code: WebhookErrorCode,
    message: string,
  ) {
    super(message);
    this.status = WEBHOOK_ERRORS[code];
  }
}
