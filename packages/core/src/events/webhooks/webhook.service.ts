import type { Journal, Journaled } from '../../logs/journal.js';
import type { Clock } from '../../spi/index.js';
import { isEventType } from '../event-types.js';
import type { OutboxStore } from '../outbox.store.js';
import { endpointEvent, hears, TEST_EVENT } from './delivery-rules.js';
import { newDelivery } from './webhook-dispatcher.js';
import { WebhookError } from './webhook-error.js';
import type { SecretOf } from './webhook-secrets.js';
import { checkWebhookUrl } from './webhook-url.js';
import type { Delivery, WebhookEndpoint, WebhookStore } from './webhook.store.js';
import type { WebhooksConfig } from './webhooks.config.js';

const ID_BYTES = 16;
/** Events of the outbox that one step of a replay looks at. */
const REPLAY_STEP = 500;
/** Events that one replay looks at before it says where to go on. */
const REPLAY_MOST = 20_000;

export interface NewWebhook {
  readonly url: string;
  readonly types?: readonly string[] | undefined;
  readonly inOrder?: boolean | undefined;
  readonly everyAccount: boolean;
  readonly accountId: string;
}

export interface WebhookChange {
  readonly url?: string | undefined;
  readonly types?: readonly string[] | undefined;
  readonly inOrder?: boolean | undefined;
  readonly state?: 'active' | 'paused' | undefined;
}

export interface ReplayedRange {
  readonly queued: number;
  /** The queue was full, or the range too long: replay again from here. */
  readonly nextFromMs?: number;
}

/** Endpoints and their deliveries, as their owners handle them. Whose they are the caller has checked. */
export class WebhookService {
  constructor(
    private readonly parts: {
      readonly store: WebhookStore;
      readonly outbox: Pick<OutboxStore, 'between' | 'tell'>;
      readonly journal: Journal;
      readonly clock: Clock;
      readonly config: WebhooksConfig;
      readonly secretOf: SecretOf;
      readonly random: (length: number) => Uint8Array;
    },
  ) {}

  /** `secret` is shown this once. Throws `WebhookError`. */
  async create(
    asked: NewWebhook,
    actor: string,
  ): Promise<{ readonly endpoint: WebhookEndpoint; readonly secret: string }> {
    const { store, clock, config, random, secretOf } = this.parts;
    this.checkUrl(asked.url);
    checkTypes(asked.types);
    const endpoint: WebhookEndpoint = {
      id: `wh_${Buffer.from(random(ID_BYTES)).toString('hex')}`,
      accountId: asked.accountId,
      everyAccount: asked.everyAccount,
      url: asked.url,
      types: asked.types ?? [],
      inOrder: asked.inOrder ?? false,
      state: 'active',
      createdAtMs: clock.nowMs(),
      secretVersion: 0,
      failures: 0,
      retryAtMs: 0,
      toldFailing: false,
      missed: 0,
    };
    const said = this.said('webhook.created', endpoint, actor);
    if ((await store.create(endpoint, config.maxPerAccount, said)) === 'too_many')
      throw new WebhookError(
        'too_many_webhooks',
        `an account has at most ${config.maxPerAccount} endpoints; delete one that is not needed`,
      );
    return { endpoint, secret: secretOf(endpoint.id) };
  }

  async change(
    endpoint: WebhookEndpoint,
    asked: WebhookChange,
    actor: string,
  ): Promise<WebhookEndpoint> {
    const { store, clock, config } = this.parts;
    const { url, types, inOrder, state } = asked;
    if (url !== undefined) this.checkUrl(url);
    checkTypes(types);
    const changed = await store.change(
      endpoint.id,
      {
        ...(url === undefined ? {} : { url }),
        ...(types === undefined ? {} : { types }),
        ...(inOrder === undefined ? {} : { inOrder }),
        ...(state === undefined
          ? {}
          : { state: { to: state, expiresAtMs: clock.nowMs() + config.retryForMs } }),
      },
      this.said('webhook.changed', endpoint, actor, {
        members: Object.entries(asked)
          .flatMap(([name, value]) => (value === undefined ? [] : [name]))
          .join(' '),
      }),
    );
    if (changed === undefined) throw unknownWebhook();
    return changed;
  }

  /** Changes the secret, which is shown this once. The one before signs besides for `webhooks.secretOverlapMs`. Throws `WebhookError`. */
  async rotateSecret(
    endpoint: WebhookEndpoint,
    actor: string,
  ): Promise<{ readonly endpoint: WebhookEndpoint; readonly secret: string }> {
    const { store, clock, config, secretOf } = this.parts;
    const nowMs = clock.nowMs();
    const previousUntilMs = nowMs + config.secretOverlapMs;
    const said = this.said('webhook.secret_rotated', endpoint, actor, {
      previous_until: new Date(previousUntilMs).toISOString(),
    });
    const changed = await store.change(endpoint.id, { newSecret: { previousUntilMs } }, said);
    if (changed === undefined) throw unknownWebhook();
    return { endpoint: changed, secret: secretOf(changed.id, changed.secretVersion) };
  }

  async remove(endpoint: WebhookEndpoint, actor: string): Promise<void> {
    const said = this.said('webhook.deleted', endpoint, actor);
    if (!(await this.parts.store.remove(endpoint.id, said))) throw unknownWebhook();
  }

  /** Sends a `webhook.test` event the way every other one goes. */
  async test(endpoint: WebhookEndpoint): Promise<void> {
    if (endpoint.state !== 'active') throw notActive(endpoint);
    const { outbox, clock } = this.parts;
    await outbox.tell([endpointEvent(TEST_EVENT, endpoint, clock.nowMs())]);
  }

  /** Sends one event once more, whatever became of it. */
  async replay(endpoint: WebhookEndpoint, eventId: string): Promise<Delivery> {
    if (endpoint.state === 'disabled') throw notActive(endpoint);
    const { store, clock, config } = this.parts;
    const nowMs = clock.nowMs();
    const found = await store.replay(
      { endpointId: endpoint.id, eventId },
      { nextAtMs: nowMs, expiresAtMs: nowMs + config.retryForMs },
    );
    if (found === undefined)
      throw new WebhookError('delivery_not_found', 'this endpoint has no such delivery');
    return found;
  }

  /** Sends again all events of [fromMs, toMs) that it hears of and that are still kept, those it missed too. */
  async replayRange(
    endpoint: WebhookEndpoint,
    fromMs: number,
    toMs: number,
  ): Promise<ReplayedRange> {
    if (endpoint.state === 'disabled') throw notActive(endpoint);
    if (!(fromMs < toMs))
      throw new WebhookError('webhook_range_invalid', '`from` must lie before `to`');
    const { store, outbox, clock, config } = this.parts;
    let behind: string | undefined;
    let queued = 0;
    for (let looked = 0; looked < REPLAY_MOST; looked += REPLAY_STEP) {
      const events = await outbox.between({ fromMs, toMs }, behind, REPLAY_STEP);
      const [first] = events;
      const last = events.at(-1);
      if (first === undefined || last === undefined) return { queued };
      const nowMs = clock.nowMs();
      const deliveries = events
        .filter((event) => hears(endpoint, event))
        .map((event) => newDelivery(endpoint, event, nowMs, config));
      const done = await store.enqueue(deliveries, config.maxQueued, 'again');
      queued += done.queued;
      if (done.missed > 0) return { queued, nextFromMs: first.atMs };
      if (events.length < REPLAY_STEP) return { queued };
      behind = last.id;
      if (looked + REPLAY_STEP >= REPLAY_MOST) return { queued, nextFromMs: last.atMs };
    }
    return { queued };
  }

  private checkUrl(url: string): void {
    const checked = checkWebhookUrl(url, this.parts.config);
    if ('problem' in checked)
      throw new WebhookError(
        'webhook_url_denied',
        `nothing is sent to this URL: ${checked.problem}`,
      );
  }

  /** The log names who did what, and no URL: it may carry a secret, and nothing is ever taken out of the log's own entries. */
  private said(
    action: string,
    { id, accountId }: WebhookEndpoint,
    actor: string,
    detail?: Readonly<Record<string, string>>,
  ): Journaled {
    return this.parts.journal.audit({
      actor,
      action,
      subject: id,
      ...(detail === undefined ? {} : { detail }),
      accountId,
    });
  }
}

function checkTypes(types: readonly string[] | undefined): void {
  const unknown = types?.filter((type) => !isEventType(type)) ?? [];
  if (unknown.length > 0)
    throw new WebhookError(
      'webhook_types_unknown',
      `no event has the type ${unknown.map((type) => `"${type.slice(0, 64)}"`).join(', ')}; docs/events.md lists them`,
    );
}

export const unknownWebhook = (): WebhookError =>
  new WebhookError('webhook_not_found', 'Webhook not found');

const notActive = ({ state }: WebhookEndpoint): WebhookError =>
  new WebhookError('webhook_not_active', `the endpoint is ${state}; make it active first`);
