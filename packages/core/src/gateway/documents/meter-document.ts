import type { StoredMeter } from '../../devices/meter.store.js';

/** A meter as clients see it. */
export function meterDocument(meter: StoredMeter): object {
  return {
    meter_id: meter.meterId,
    device_id: meter.deviceId ?? null,
    site_id: meter.siteId ?? null,
    account_id: meter.accountId,
    owner: meter.owner ?? null,
    state: meter.state,
    rating_w: meter.ratingW ?? null,
    registered_at: new Date(meter.registeredAtMs).toISOString(),
    keys: meter.keys.map((key) => ({
      key_id: key.keyId,
      alg: key.alg,
      public_key: Buffer.from(key.publicKey).toString('base64'),
      epoch: key.epoch,
      valid_from: new Date(key.validFromMs).toISOString(),
      revoked_at: key.revokedAtMs === undefined ? null : new Date(key.revokedAtMs).toISOString(),
    })),
  };
}
