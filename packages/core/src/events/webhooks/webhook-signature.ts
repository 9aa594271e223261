import { createHmac, timingSafeEqual } from 'node:crypto';

/** Name of the header that carries the signature. */
export const SIGNATURE_HEADER = 'wattproof-signature';
/** The event's id: the same at every attempt, so that a receiver can tell what it has had. */
export const EVENT_HEADER = 'wattproof-event';
/** Id of the endpoint. */
export const WEBHOOK_HEADER = 'wattproof-webhook';

/** How far the time of a signature may lie from the receiver's clock. */
const WINDOW_MS = 300_000;
/** Longer headers are not looked at. */
const MAX_HEADER_LENGTH = 1024;

const mac = (secret: string, seconds: string, body: string | Uint8Array): Buffer =>
  createHmac('sha256', secret).update(`${seconds}.`).update(body).digest();

/** `t=<seconds since 1970>,v1=<hex>`: HMAC-SHA-256 over `t`, a full stop and the body; one `v1` for each secret. */
export function signWebhook(
  secrets: string | readonly string[],
  body: string | Uint8Array,
  nowMs: number,
): string {
  const seconds = String(Math.floor(nowMs / 1000));
  const signed = [secrets]
    .flat()
    .map((secret) => `v1=${mac(secret, seconds, body).toString('hex')}`);
  return [`t=${seconds}`, ...signed].join(',');
}

export type WebhookVerdict =
  | { readonly valid: true; readonly atMs: number }
  | {
      readonly valid: false;
      /** `header`: there is no signature to check. `time`: signed too long ago, or in the future. */
      readonly reason: 'header' | 'time' | 'signature';
    };

/**
 * For receivers: whether this gateway sent this body, within five minutes of `nowMs`. `secret` as it was shown when the
 * endpoint was created; `header` is `Wattproof-Signature`; `body` the bytes as received, before any parser has seen them.
 * Compares in constant time. What is valid can still come twice: remember `Wattproof-Event`.
 */
export function verifyWebhook(parts: {
  readonly secret: string;
  readonly header: string | null | undefined;
  readonly body: string | Uint8Array;
  /** The receiver's clock: `Date.now()`. */
  readonly nowMs: number;
  /** Default: 300000. */
  readonly windowMs?: number;
}): WebhookVerdict {
  const { secret, header, body, nowMs, windowMs = WINDOW_MS } = parts;
  if (typeof header !== 'string' || header.length > MAX_HEADER_LENGTH)
    return { valid: false, reason: 'header' };
  const fields = header.split(',').map((field) => field.trim().split('=', 2) as [string, string?]);
  const times = fields.filter(([name]) => name === 't').map(([, value]) => value ?? '');
  const macs = fields.filter(([name]) => name === 'v1').map(([, value]) => value ?? '');
  const [seconds = ''] = times;
  if (times.length !== 1 || !/^[1-9]\d{0,11}$/.test(seconds) || macs.length === 0)
    return { valid: false, reason: 'header' };
  const expected = mac(secret, seconds, body);
  const signed = macs
    .filter((value) => /^[0-9a-f]{64}$/.test(value))
    .some((value) => timingSafeEqual(Buffer.from(value, 'hex'), expected));
  if (!signed) return { valid: false, reason: 'signature' };
  const atMs = Number(seconds) * 1000;
  if (!(Math.abs(nowMs - atMs) <= windowMs)) return { valid: false, reason: 'time' };
  return { valid: true, atMs };
}
