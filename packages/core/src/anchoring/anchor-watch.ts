import type { AnchorIntent, AnchorQuote, Clock, DomainEvent, Logger } from '../spi/index.js';
import { type AnchorAlert, alertsOf } from './anchor-alerts.js';
import type { AnchorCondition, AnchorConditions } from './anchor-conditions.js';
import { type AnchorInstance, UnknownAnchor } from './anchor-instance.js';
import type { AnchorStore, StoredIntent } from './anchor.store.js';
import { askHealth, askLedger } from './ledger-call.js';
import { waitingIntents } from './waiting-intents.js';

/** Looks after anchors also while nothing is being published: is the ledger there, is there money, is something late. */
export class AnchorWatch {
  constructor(
    private readonly options: {
      readonly store: AnchorStore;
      readonly conditions: AnchorConditions;
      readonly clock: Clock;
      readonly logger: Logger;
      readonly anchors: ReadonlyMap<string, AnchorInstance>;
      /** Tells subscribers. */
      readonly tell: (events: readonly Omit<DomainEvent, 'id'>[]) => Promise<void>;
    },
  ) {}

  /** What the last look found, on whatever replica; undefined before the first. */
  condition(anchorId: string): Promise<AnchorCondition | undefined> {
    return this.options.conditions.read(anchorId);
  }

  /** Looks now, keeps what it found, and says in the log what has begun and what has ended. */
  async check(anchorId: string, signal: AbortSignal): Promise<AnchorCondition> {
    const { store, conditions, clock, anchors } = this.options;
    const instance = anchors.get(anchorId);
    if (!instance) throw new UnknownAnchor(anchorId, anchors.keys());
    const { policy } = instance;
    const before = await conditions.read(anchorId);
    const open = await waitingIntents(store, anchorId, policy.batchSize);
    const { includedSize = 0n } = await store.totals(anchorId);
    const health = await askHealth(this.options.logger, instance.anchor, signal);
    const { funds = before?.funds, outOfFunds } = await this.#funds(
      anchorId,
      instance,
      open,
      signal,
    );
    const nowMs = clock.nowMs();
    const alerts = alertsOf(
      {
        open,
        includedSize,
        policy,
        health,
        ...(funds === undefined ? {} : { funds }),
        ...(outOfFunds === undefined ? {} : { outOfFunds }),
      },
      before?.alerts ?? [],
      nowMs,
    );
    const condition = {
      checkedAtMs: nowMs,
      alerts,
      ...(funds === undefined ? {} : { funds }),
    };
    // Told before it is kept: after a crash in between it is told once more.
    await this.#tell(anchorId, before?.alerts ?? [], alerts, nowMs);
    await conditions.write(anchorId, condition);
    return condition;
  }

  /** Asked about the newest commitment there is: the fee is the same for all. */
  async #funds(
    anchorId: string,
    { anchor, capabilities }: AnchorInstance,
    open: readonly StoredIntent[],
    signal: AbortSignal,
  ): Promise<{ readonly funds?: AnchorQuote; readonly outOfFunds?: string }> {
    if (capabilities.cost === 'free') return {};
    const { logger, store } = this.options;
    const newest: AnchorIntent | undefined = open.at(-1) ?? (await store.latest(anchorId));
    if (newest === undefined) return {};
    const quoted = await askLedger(logger, 'quote', () => anchor.quote(newest, signal));
    if (quoted.ok) return { funds: quoted.value };
    return quoted.error.reason === 'insufficient-funds' ? { outOfFunds: quoted.error.message } : {};
  }

  async #tell(
    anchor: string,
    before: readonly AnchorAlert[],
    after: readonly AnchorAlert[],
    atMs: number,
  ): Promise<void> {
    const { logger, tell } = this.options;
    const added = after.filter(({ code }) => !before.some((alert) => alert.code === code));
    const gone = before.filter(({ code }) => !after.some((alert) => alert.code === code));
    for (const { code, detail } of added)
      logger.warn('An anchor needs a person.', { anchor, alert: code, detail });
    for (const { code } of gone) logger.info('An anchor is well again.', { anchor, alert: code });
    if (added.length > 0)
      await tell(
        added.map(({ code, detail }) => ({
          type: 'anchor.alert',
          atMs,
          data: { anchor, alert: code, detail },
        })),
      );
  }
}
