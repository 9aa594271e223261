import { createHmac } from 'node:crypto';

/** The secret of an endpoint, by its id. */
export type SecretOf = (endpointId: string) => string;

/**
 * Secrets come from one that is kept beside the log key, so the database holds none and a copy of it signs nothing:
 * `whsec_` and HMAC-SHA-256(HMAC-SHA-256(root, label), endpoint id) in base64url.
 */
export function secretsUnder(root: Uint8Array): SecretOf {
  const key = createHmac('sha256', root).update('wattproof/webhook-secrets/v1').digest();
  return (endpointId) =>
    `whsec_${createHmac('sha256', key).update(endpointId).digest('base64url')}`;
}
