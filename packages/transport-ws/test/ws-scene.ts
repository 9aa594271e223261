import { TransportHost } from '@wattproof/core/testing';
import { FakeClock } from '@wattproof/core/testing';
import type { PluginContext, UpgradeRequest } from '@wattproof/core/spi';
import plugin from '../src/index.js';
import { WsConfig } from '../src/ws.config.js';
import { WsTransport } from '../src/ws.transport.js';
import { TestClient } from './test-client.js';

export const READING = {
  format: 'reading/1',
  document: { meter_id: 'meter-1', energy_kwh: '8.20' },
};

/** The transport on a server of this machine, its time and its host in the hands of the test. */
export class WsScene {
  /** What the host says the time is. */
  readonly clock = new FakeClock();
  /** What has passed. */
  readonly elapsed = new FakeClock(0);
  private tick: () => void = () => undefined;

  private constructor(
    readonly host: TransportHost,
    private readonly made: (scene: WsScene) => WsTransport,
  ) {
    this.transport = made(this);
  }
  readonly transport: WsTransport;

  /** Knows `key-1` of `meter-1` and `key-2` of `meter-2`; `owner-key` is of their account. `peer`: what the host says of whoever connects. */
  static async start(
    config: object = {},
    peer: Pick<UpgradeRequest, 'certificate' | 'source'> = {},
  ): Promise<WsScene> {
    const host = await TransportHost.open();
    host.callers.knowDevice('key-1', 'meter-1');
    host.callers.knowDevice('key-2', 'meter-2', 'acc_2');
    host.callers.know((shown) => shown.kind === 'api-key' && shown.key === 'owner-key', {
      kind: 'api-key',
      id: 'wpk_owner',
      accountId: 'acc_1',
      scopes: [],
    });
    const scene = new WsScene(host, (made) => {
      const lent = host.contextFor(plugin.capabilities.needs);
      const context: PluginContext = {
        ...lent,
        clock: made.clock,
        http: {
          route: () => undefined,
          guard: () => undefined,
          upgrade: (path, handle) =>
            lent.http!.upgrade(path, (request, socket, head) =>
              handle(Object.assign(request, peer), socket, head),
            ),
        },
      };
      return new WsTransport(WsConfig.parse(config), context, {
        monotonicMs: () => made.elapsed.nowMs(),
        every: (_ms, fire) => {
          made.tick = fire;
          return () => (made.tick = () => undefined);
        },
        after: (ms, fire) => {
          const waiting = new AbortController();
          made.elapsed.wait(ms, waiting.signal).then(fire, () => undefined);
          return () => waiting.abort();
        },
      });
    });
    await scene.transport.start(host.ingest);
    return scene;
  }

  get url(): string {
    return `${this.host.http.url}/ws`;
  }

  device(number: 1 | 2 = 1): Promise<TestClient> {
    return TestClient.withKey(this.url, `key-${number}`);
  }

  /** Time goes on, and the transport looks at it. */
  async passes(ms: number): Promise<void> {
    await this.elapsed.advance(ms);
    await this.isSet(ms);
  }

  /** Somebody sets the host's clock, by so much. */
  async isSet(ms: number): Promise<void> {
    await this.clock.advance(ms);
    this.tick();
    await this.rest();
  }

  /** What is on its way in this process, sockets aside, has arrived. */
  async rest(): Promise<void> {
    for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }

  /** A message of another device has gone the whole way: what was sent before it has been taken, or never is. */
  async roundTrip(): Promise<void> {
    const { ingest } = this.host;
    const other = await this.device(2);
    const mark = `round trip ${ingest.arrivals.length}`;
    const told = other.ask({ type: 'readings', body: { mark } });
    (await ingest.arrival(mark)).commit();
    await told;
    await other.close();
  }

  async end(): Promise<void> {
    // A test that failed has left something unanswered, which would be waited for.
    const { ingest } = this.host;
    ingest.answerBy((arrival) => arrival.retryLater());
    for (const arrival of ingest.arrivals) arrival.retryLater();
    let stopped = false;
    const stopping = this.transport.stop().then(() => (stopped = true));
    // What waits for time to pass has had it.
    while (!stopped) await this.passes(20);
    await stopping;
    await this.host.close();
  }
}
