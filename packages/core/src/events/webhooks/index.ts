/** For receivers of webhooks. */
export {
  EVENT_HEADER,
  SIGNATURE_HEADER,
  verifyWebhook,
  WEBHOOK_HEADER,
  type WebhookVerdict,
} from './webhook-signature.js';
