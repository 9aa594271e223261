import { createHmac } from 'node:crypto';

/** The secret of an endpoint, by its id and by how often it was changed. */
export type SecretOf = (endpointId: string, version?: number) => string;

/**
 * Secrets come from one that is kept beside the log key, so the database holds none and a copy of it signs nothing:
 * `whsec_` and HMAC-SHA-256(HMAC-SHA-256(root, label), endpoint id) in base64url; once it was changed, of the id, a full stop and the
 * number of the change.
 */
export function secretsUnder(root: Uint8Array): SecretOf {
  const key = createHmac('sha256', root).update('wattproof/webhook-secrets/v1').digest();
  return (endpointId, version = 0) => {
    const name = version === 0 ? endpointId : `${endpointId}.${version}`;
    return `whsec_${createHmac('sha256', key).update(name).digest('base64url')}`;
  };
}
