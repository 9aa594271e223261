import type { DomainEvent } from '../../spi/index.js';
import type { Delivery, Settlement, WebhookEndpoint } from './webhook.store.js';
import type { SendOutcome } from './webhook-sender.js';
import type { WebhooksConfig } from './webhooks.config.js';

/** First pause after a failure; each next one is twice as long. */
const RETRY_FIRST_MS = 5_000;
const RETRY_MOST_MS = 3_600_000;
/** Failures in a row after which an endpoint is tried with one delivery at a time. */
const PROBE_AFTER = 5;

/** Whether the endpoint hears of this event. */
export function hears(endpoint: WebhookEndpoint, { type, atMs, data }: DomainEvent): boolean {
  // Of itself it hears a test and nothing else: that it fails would be one more thing that fails.
  if (type.startsWith('webhook.') && (data['webhook'] === endpoint.id) !== (type === TEST_EVENT))
    return false;
  if (!endpoint.everyAccount && data['account'] !== endpoint.accountId) return false;
  if (atMs < endpoint.createdAtMs) return false;
  return type === TEST_EVENT || wants(endpoint.types, type);
}

export const TEST_EVENT = 'webhook.test';

export function wants(types: readonly string[], type: string): boolean {
  return (
    types.length === 0 ||
    types.includes(type) ||
    types.some((wanted) => wanted.endsWith('.*') && type.startsWith(wanted.slice(0, -1)))
  );
}

/** Requests at once to this endpoint. */
export function lanesOf(
  { inOrder, failures }: WebhookEndpoint,
  { concurrency }: Pick<WebhooksConfig, 'concurrency'>,
): number {
  return inOrder || failures >= PROBE_AFTER ? 1 : concurrency;
}

/** Pause before the next attempt: half of it fixed, half by chance, so that what failed together does not come back together. */
export function pauseMs(attempts: number, random: number): number {
  const whole = Math.min(RETRY_MOST_MS, RETRY_FIRST_MS * 2 ** Math.min(attempts - 1, 30));
  return Math.round(whole / 2 + (whole / 2) * random);
}

/** What an attempt at `delivery` changes. Both are as stored at the moment of writing. */
export function afterAttempt(
  endpoint: WebhookEndpoint,
  delivery: Delivery,
  outcome: SendOutcome,
  at: {
    readonly nowMs: number;
    readonly random: number;
    readonly config: Pick<WebhooksConfig, 'disableAfterMs'>;
  },
): Settlement {
  const { nowMs } = at;
  const { lastStatus: _status, lastError: _error, ...before } = delivery;
  const attempts = delivery.attempts + 1;
  const tried = {
    ...before,
    attempts,
    lastAtMs: nowMs,
    ...(outcome.status === undefined ? {} : { lastStatus: outcome.status }),
  };
  if (outcome.kind === 'delivered') {
    const { failingSinceMs: _since, ...well } = endpoint;
    return {
      delivery: { ...tried, state: 'delivered' },
      endpoint: { ...well, failures: 0, retryAtMs: 0, toldFailing: false },
      events: [],
    };
  }
  const { error } = outcome;
  const failures = endpoint.failures + 1;
  const failingSinceMs = endpoint.failingSinceMs ?? nowMs;
  const nextAtMs = nowMs + pauseMs(attempts, at.random);
  const failing: WebhookEndpoint = {
    ...endpoint,
    failures,
    failingSinceMs,
    // One that keeps failing is left alone as a whole; else only the delivery waits.
    retryAtMs: endpoint.inOrder || failures >= PROBE_AFTER ? nextAtMs : endpoint.retryAtMs,
  };
  if (nowMs < delivery.expiresAtMs)
    return {
      delivery: { ...tried, state: 'pending', nextAtMs, lastError: error },
      endpoint: failing,
      events: [],
    };
  const disabled = nowMs - failingSinceMs >= at.config.disableAfterMs;
  const told = disabled || !endpoint.toldFailing;
  return {
    delivery: { ...tried, state: 'dead', lastError: error },
    endpoint: { ...failing, toldFailing: true, ...(disabled ? { state: 'disabled' } : {}) },
    bury: { expiredAtMs: disabled ? 'any' : nowMs, error: 'endpoint_failing' },
    events: told
      ? [
          endpointEvent(disabled ? 'webhook.disabled' : 'webhook.failing', endpoint, nowMs, {
            since: new Date(failingSinceMs).toISOString(),
            error,
          }),
        ]
      : [],
  };
}

/** An event about an endpoint. Its URL may carry a secret and is not told. */
export function endpointEvent(
  type: string,
  { id, accountId }: WebhookEndpoint,
  atMs: number,
  more: DomainEvent['data'] = {},
): Omit<DomainEvent, 'id'> {
  return { type, atMs, data: { webhook: id, account: accountId, ...more } };
}
