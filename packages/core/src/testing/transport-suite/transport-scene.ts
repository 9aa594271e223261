import assert from 'node:assert/strict';
import type { Transport } from '../../spi/index.js';
import { createTransport, TransportHost } from './running-transport.js';
import type { SendOutcome, TransportClient, TransportSuiteOptions } from './suite-options.js';

const PATIENCE_MS = 10_000;
const BYSTANDER = 'meter-0';

/** A message that can be found again, however a transport wraps it. */
export interface SampleMessage {
  readonly mark: string;
  readonly bytes: Uint8Array;
}

/** A message on its way, and what its sender was told so far. */
export class Sent {
  told: SendOutcome | undefined;
  readonly #settled: Promise<SendOutcome>;

  constructor(
    readonly message: SampleMessage,
    sending: Promise<SendOutcome>,
  ) {
    this.#settled = sending.then((told) => (this.told = told));
    this.#settled.catch(() => {}); // whoever waits for it is told
  }
  get outcome(): Promise<SendOutcome> {
    return this.#settled;
  }
}

/** One instance under test, its host and its devices. */
export class TransportScene {
  readonly #clients = new Set<TransportClient>();
  #made = 0;

  private constructor(
    private readonly options: TransportSuiteOptions,
    readonly host: TransportHost,
    readonly transport: Transport,
  ) {}

  /** Builds an instance. The host knows `meter-1`, `meter-2` and one that is only there to be served meanwhile. */
  static async create(
    options: TransportSuiteOptions,
    instanceId?: string,
  ): Promise<TransportScene> {
    const host = await TransportHost.open();
    for (const device of ['meter-1', 'meter-2', BYSTANDER])
      host.callers.knowDevice(keyOf(device), device);
    const config = await (typeof options.config === 'function' ? options.config() : options.config);
    const transport = await createTransport(options.plugin, config, host, instanceId);
    return new TransportScene(options, host, transport);
  }
  static async start(options: TransportSuiteOptions, instanceId?: string): Promise<TransportScene> {
    const scene = await TransportScene.create(options, instanceId);
    await scene.soon(scene.transport.start(scene.host.ingest), 'start');
    return scene;
  }

  async connect(device = 'meter-1', key = keyOf(device)): Promise<TransportClient> {
    const client = await this.soon(
      this.options.client.connect(this, { device, credential: { kind: 'api-key', key } }),
      `connecting ${device}`,
    );
    this.#clients.add(client);
    return client;
  }

  send(client: TransportClient, message = this.message()): Sent {
    return new Sent(message, client.send(message.bytes));
  }

  /** A signed reading of the device, as far as a transport can tell. */
  message(device = 'meter-1'): SampleMessage {
    const mark = `mark-${(this.#made += 1)}-of-${device}`;
    const text = `{"format":"reading/1","document":{"meter_id":"${device}","note":"${mark}","energy_kwh":"8.20"},"signature":{"alg":"Ed25519","key_id":"0123456789abcdef","value":"${mark}"}}`;
    return { mark, bytes: new TextEncoder().encode(text) };
  }

  /** Messages of other devices go the whole way, twice: what was to be told before has been told by then. */
  async roundTrip(): Promise<void> {
    const client = await this.connect(BYSTANDER);
    for (let trip = 0; trip < 2; trip += 1) {
      const sent = this.send(client, this.message(BYSTANDER));
      (await this.soon(this.host.ingest.arrival(sent.message.mark), 'arrival')).commit();
      assert.equal(await this.outcomeOf(sent), 'ack', 'another device is served meanwhile');
    }
    await this.soon(client.close(), 'closing a connection');
  }

  /** What the sender was told; fails when nothing ever is. */
  outcomeOf(sent: Sent): Promise<SendOutcome> {
    return this.soon(sent.outcome, `an answer to the sender of ${sent.message.mark}`);
  }

  /** A refusal is told, or what was acknowledged all the same is a dead letter with the reason. */
  async toldRefusal(sent: Sent, code?: string): Promise<void> {
    const outcome = await this.outcomeOf(sent);
    if (outcome === 'refused') return;
    assert.equal(outcome, 'ack', 'a refusal for good is told, or acknowledged and kept');
    const { desk } = this.host;
    const letter = desk.deadLetters.find((kept) => code === undefined || kept.code === code);
    assert.ok(letter, `acknowledged, and no dead letter says ${code ?? 'why'}`);
    assert.ok(letter.detail.length > 0, 'a dead letter says why');
  }

  async soon<Value>(promise: Promise<Value>, what: string): Promise<Value> {
    const patienceMs = this.options.patienceMs ?? PATIENCE_MS;
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => reject(new assert.AssertionError({ message: `never came: ${what}` })),
      patienceMs,
    );
    try {
      return await Promise.race([promise, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Whatever happened, nothing stays open. */
  async close(): Promise<void> {
    for (const arrival of this.host.ingest.arrivals) arrival.fail(new Error('the test is over'));
    for (const client of this.#clients) client.cut();
    try {
      await this.soon(this.transport.stop(), 'the end of stop()');
    } finally {
      await this.host.close();
    }
  }
}

export const keyOf = (device: string): string => `wpk_suite.${device}-secret`;
