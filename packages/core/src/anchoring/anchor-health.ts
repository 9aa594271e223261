import type { AnchorQuote, Health, Logger } from '../spi/index.js';
import { lowBalance, runwayOf } from './anchor-alerts.js';
import type { AnchorInstance } from './anchor-instance.js';
import type { AnchorStore, StoredIntent } from './anchor.store.js';
import { askHealth } from './ledger-call.js';
import { waitingIntents } from './waiting-intents.js';

/**
 * The ledger's own health, and what waits for it. Not ready while the newest checkpoint is stalled or capped: it
 * covers all others. A balance that runs low is said while there is still time; it costs no readiness.
 */
export async function anchorHealth(
  anchorId: string,
  { anchor, policy }: AnchorInstance,
  store: AnchorStore,
  /** As of the last fresh attempt; undefined before one, and where nothing is paid. */
  funds: AnchorQuote | undefined,
  logger: Logger,
  signal: AbortSignal,
): Promise<Health> {
  const health = await askHealth(logger, anchor, signal);
  const open = await waitingIntents(store, anchorId, policy.batchSize);
  const newest = open.reduce<StoredIntent | undefined>(
    (best, intent) => (best && best.commitment.size > intent.commitment.size ? best : intent),
    undefined,
  );
  const held = newest?.state === 'stalled' || newest?.state === 'capped' ? newest : undefined;
  const runway = runwayOf(funds);
  const details = [
    health.detail,
    held && `checkpoint ${held.commitment.size} is ${held.state}: ${held.reason ?? 'no reason'}`,
    lowBalance(funds, policy),
  ].filter(Boolean);
  const { intents } = await store.totals(anchorId);
  return {
    live: health.live,
    ready: health.ready && !held,
    ...(details.length > 0 ? { detail: details.join('; ') } : {}),
    facts: {
      ...health.facts,
      stalled: intents.get('stalled') ?? 0,
      capped: intents.get('capped') ?? 0,
      ...(runway === undefined ? {} : { runway_anchors: runway }),
    },
  };
}
