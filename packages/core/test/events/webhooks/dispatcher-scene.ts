import { Subscribers } from '../../../src/events/subscribers.js';
import { WebhookDispatcher } from '../../../src/events/webhooks/webhook-dispatcher.js';
import type { SendOutcome, SendWebhook } from '../../../src/events/webhooks/webhook-sender.js';
import { EVENT_HEADER, WEBHOOK_HEADER } from '../../../src/events/webhooks/webhook-signature.js';
import type { WebhookEndpoint } from '../../../src/events/webhooks/webhook.store.js';
import { WebhooksConfig } from '../../../src/events/webhooks/webhooks.config.js';
import { silentLogger } from '../../../src/gateway/gateway-options.js';
import { openMemoryStore } from '../../../src/stores/memory/open-memory-store.js';
import type { Store } from '../../../src/stores/store.js';
import type { CutPoint } from '../../../src/testing/cut-at-await.js';
import { FakeClock } from '../../../src/testing/fake-clock.js';
import { unjournaled } from '../../../src/testing/unjournaled.js';

export const OK: SendOutcome = { kind: 'delivered', status: 200 };
export const DOWN: SendOutcome = { kind: 'failed', error: 'status', status: 500 };

/** Events, endpoints and a network in memory; what is sent is written down. */
export class DispatcherScene {
  readonly clock = new FakeClock();
  readonly store: Store;
  readonly config: WebhooksConfig;
  /** `endpoint event`, in the order they arrived. */
  readonly arrived: string[] = [];
  /** What the network answers. */
  answer: (endpoint: string, event: string) => Promise<SendOutcome> | SendOutcome = () => OK;
  private events = 0;

  /** `shared`: a store that other scenes use as well; endpoints and accounts of this one begin with `label`. */
  constructor(
    config: Partial<WebhooksConfig> = {},
    private readonly shared?: { readonly store: Store; readonly label: string },
  ) {
    this.config = WebhooksConfig.parse(config);
    this.store = shared?.store ?? openMemoryStore({ clock: this.clock });
  }

  /** As it is called in the store. */
  named(name: string): string {
    return `${this.shared?.label ?? ''}${name}`;
  }

  /** A process: what it has in hand is lost when it is cut. */
  process(cut?: CutPoint, store = this.store) {
    const wrapped = <T extends object>(target: T, name: string): T =>
      cut === undefined ? target : cut.wrap(target, name);
    const network: { readonly send: SendWebhook } = {
      send: async ({ headers }) => {
        const [endpoint, event] = [headers[WEBHOOK_HEADER]!, headers[EVENT_HEADER]!];
        this.arrived.push(`${endpoint} ${Number(event)}`);
        return this.answer(endpoint, event);
      },
    };
    const { send } = wrapped(network, 'network');
    const dispatcher = new WebhookDispatcher({
      store: wrapped(store.webhooks, 'webhooks'),
      clock: this.clock,
      config: this.config,
      secretOf: (id) => `secret of ${id}`,
      send,
      // Over a database every look is a statement: there only what ends makes for another one.
      pause: (_ms, signal) =>
        new Promise((resolve) => {
          if (this.shared === undefined) setImmediate(resolve);
          else signal.addEventListener('abort', () => resolve(), { once: true });
        }),
      random: () => 0.5,
      logger: silentLogger,
      origin: 'test.example/log',
    });
    const subscribers = new Subscribers(wrapped(store.outbox, 'outbox'), silentLogger);
    subscribers.subscribeMany(
      'core/webhooks',
      () => dispatcher.types(),
      (events) => dispatcher.queue(events),
    );
    return {
      /** One tick of both jobs. */
      tick: async (signal = new AbortController().signal): Promise<void> => {
        await subscribers.deliver(signal);
        await dispatcher.run(signal);
      },
      dispatcher,
    };
  }

  async endpoint(id: string, choices: Partial<WebhookEndpoint> = {}): Promise<string> {
    const endpoint: WebhookEndpoint = {
      id: this.named(id),
      accountId: this.named('ada'),
      everyAccount: false,
      url: `https://${id}.example.com/`,
      types: [],
      inOrder: false,
      state: 'active',
      createdAtMs: this.clock.nowMs(),
      failures: 0,
      retryAtMs: 0,
      toldFailing: false,
      secretVersion: 0,
      missed: 0,
      ...choices,
    };
    await this.store.webhooks.create(endpoint, 1000, unjournaled);
    return endpoint.id;
  }

  /** Commits so many events. */
  async happen(count: number, type = 'reading.accepted', account = 'ada'): Promise<void> {
    const events = Array.from({ length: count }, () => {
      this.events += 1;
      return {
        type,
        atMs: this.clock.nowMs(),
        data: { account: this.named(account), n: this.events },
      };
    });
    await this.store.outbox.tell(events);
  }

  /** Events of webhooks themselves: `type endpoint`. */
  async told(): Promise<readonly string[]> {
    const all = await this.store.outbox.between({ fromMs: 0, toMs: 9e15 }, undefined, 1_000_000);
    return all
      .filter(({ type }) => type.startsWith('webhook.'))
      .map(({ type, data }) => `${type} ${String(data['webhook'])}`);
  }

  async states(name: string): Promise<readonly string[]> {
    const endpointId = this.named(name);
    const { items } = await this.store.webhooks.deliveries({ endpointId, limit: 1_000_000 });
    return items.toReversed().map(({ state }) => state);
  }
}
