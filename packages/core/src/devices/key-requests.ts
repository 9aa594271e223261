import { z } from 'zod';
import { strictBase64 } from './strict-base64.js';

const base64 = z
  .string()
  .max(1024)
  .transform((text, context) => {
    const bytes = strictBase64(text);
    if (bytes !== undefined) return bytes;
    context.addIssue({ code: 'custom', message: 'must be padded base64 (RFC 4648 §4)' });
    return z.NEVER;
  });
const keyId = z.string().regex(/^[0-9a-f]{16}$/, 'must be 16 lower-case hex digits');
const nonce = z.string().min(1).max(128);

/** Why a key is given up: printable, so that an audit entry can carry it. */
export const KeyReason = z
  .string()
  .min(1)
  .max(256)
  .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'must be printable');

const newKey = {
  /** Base64 of SPKI DER. */
  public_key: base64,
  alg: z.string().max(32),
  /** Checked when given; otherwise computed. */
  key_id: z.string().max(64).optional(),
  /** From `POST /api/v1/meters/challenge`. */
  nonce,
};

/** Body of `POST /api/v1/meters/{id}/keys`. Both sign `rotateMessage(origin, meter_id, old_key_id, new key id, nonce)`. */
export const KeyRotation = z.strictObject({
  ...newKey,
  old_key_id: keyId,
  signatures: z.strictObject({ old: base64, new: base64 }),
});

/** Body of `POST /api/v1/admin/meters/{id}/keys/{key_id}/correct`: nobody signs it, an operator answers for it. */
export const KeyCorrection = z
  .strictObject({
    ...newKey,
    proof: z.literal('operator'),
    /** Where the operator read the key, such as `label` or `QR code`. */
    read_from: z
      .string()
      .min(1)
      .max(256)
      .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'must be printable'),
    reason: KeyReason,
  })
  .omit({ nonce: true });

/** Body of `POST /api/v1/meters/{id}/keys/recovery`. The new key signs `recoverMessage(origin, meter_id, key id, nonce)`. */
export const RecoveryRequest = z.strictObject({
  ...newKey,
  signature: base64,
  reason: KeyReason,
});

/** Body of the approval and of the rejection of a recovery. */
export const RecoveryDecision = z.strictObject({ reason: KeyReason.optional() });
