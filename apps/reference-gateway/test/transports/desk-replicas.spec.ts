import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { FakeClock } from '@wattproof/core/testing';
import {
  askGateway,
  startPostgres,
  type TestGateway,
  type TestPostgres,
} from '@wattproof/core/testing';
import mqtt from 'mqtt';
import { WebSocket } from 'ws';
import { type KnownDevice, knownDevices } from './known-device.js';
import { gatewayWith } from './open-gateway.js';

interface PluginFacts {
  readonly instance: string;
  readonly health: { readonly facts: Readonly<Record<string, number>> };
}
type Said = Readonly<Record<string, unknown>>;

/** A device at the other end of a WebSocket. */
class Device {
  readonly heard: Said[] = [];
  private changed = Promise.withResolvers<void>();
  private count = 0;

  private constructor(private readonly socket: WebSocket) {
    socket.on('error', () => undefined);
    socket.on('message', (data: Buffer) => {
      this.heard.push(JSON.parse(data.toString()) as Said);
      this.changed.resolve();
      this.changed = Promise.withResolvers();
    });
  }

  static async connect({ url }: TestGateway, { key }: KnownDevice): Promise<Device> {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`, ['wattproof.v1'], {
      headers: { 'x-api-key': key },
    });
    const device = new Device(socket);
    await once(socket, 'open');
    return device;
  }

  async hears(is: (said: Said) => boolean): Promise<Said> {
    for (;;) {
      const found = this.heard.find(is);
      if (found !== undefined) return found;
      await this.changed.promise;
    }
  }

  /** What it is told of this message. */
  ask(type: string, body: unknown): Promise<Said> {
    const id = `m${(this.count += 1)}`;
    this.socket.send(JSON.stringify({ type, id, body }));
    return this.hears((said) => said['id'] === id);
  }

  close(): void {
    this.socket.terminate();
  }
}

describe('The device desk of two gateways on one PostgreSQL', () => {
  let server: TestPostgres;
  const gateways: TestGateway[] = [];
  let [asking, holding]: TestGateway[] = [];
  let brokerPort: number;
  let own: KnownDevice;
  let other: KnownDevice;
  const devices: Device[] = [];

  beforeAll(async () => {
    server = await startPostgres();
    const url = await server.createDatabase();
    for (let n = 0; n < 2; n += 1) {
      const transports = {
        ws: { use: '@wattproof/transport-ws' },
        mqtt: {
          use: '@wattproof/transport-mqtt',
          listen: { port: 0 },
          maps: ['wattproof', 'los-tecnicos'],
        },
      };
      gateways.push(
        await gatewayWith(transports, {
          anchors: {},
          store: { url },
          devices: { registration: 'open', commands: { unsignedAnswers: 'accept' } },
        }),
      );
    }
    [asking, holding] = gateways;
    const { plugins }: { readonly plugins: readonly PluginFacts[] } = await read(
      '/plugins',
      holding,
    );
    brokerPort = plugins.find(({ instance }) => instance === 'mqtt')!.health.facts['mqttPort']!;
    [own, other] = (await knownDevices(asking!, 2)) as [KnownDevice, KnownDevice];
    for (const one of [own, other]) devices.push(await Device.connect(holding!, one));
  }, 120_000);
  afterAll(async () => {
    for (const device of devices) device.close();
    for (const gateway of gateways) await gateway.stop();
    await server?.remove();
  });

  const read = async (path: string, gateway = asking!) =>
    (await askGateway(gateway, path)).json() as Promise<never>;
  const lock = (more: object = {}) =>
    asking!.services.commands.request({
      meterId: own.id,
      name: 'lock',
      body: { kwh: '1' },
      askedBy: 'operator',
      ...more,
    });
  const told = async (type: string, id: string) => {
    const events = await holding!.services.store.outbox.read(`told ${id}`, [type], 9_999);
    return events.filter(({ data }) => data['command'] === id).length;
  };

  it('sends by one what the other was asked, and both tell the one answer', async () => {
    const { id } = await lock();
    const waiting = read(`/commands/${id}?wait=30`);
    await holding!.settle();
    const [device, stranger] = devices as [Device, Device];
    const command = (await device.hears(({ type }) => type === 'command'))['body'] as Said;
    expect(command['id']).toBe(id);
    const answer = { id, nonce: command['nonce'], body: { status: 'locked' } };
    const outcome = async (by: Device, body: unknown) => {
      const { type, outcome: taken, code } = await by.ask('answer', body);
      return `${String(type)} ${String(taken ?? code)}`;
    };
    expect(await outcome(stranger, answer)).toBe('nack answer_unknown');
    expect(await outcome(device, { ...answer, nonce: '0'.repeat(32) })).toBe('nack answer_invalid');
    const both = await Promise.all([outcome(device, answer), outcome(device, answer)]);
    expect(both.toSorted()).toEqual(['ack accepted', 'ack duplicate']);
    expect(await outcome(device, { ...answer, body: { status: 'no' } })).toBe(
      'nack answer_invalid',
    );
    expect(await waiting).toMatchObject({
      state: 'answered',
      answer: { body: { status: 'locked' } },
    });
    expect(await read(`/commands/${id}`, holding)).toEqual(await waiting);
    expect(await told('command.answered', id)).toBe(1);
  });

  it('gives every command one end, though both look for what is over while answers come in', async () => {
    const deadlineMs = asking!.clock.nowMs() + 60_000;
    const all = [];
    for (let n = 0; n < 24; n += 1) all.push(await lock({ deadlineMs }));
    // The clock of one is beyond the deadline, that of the other is not.
    await (asking!.clock as FakeClock).advance(60_001);
    const answers = all.map(({ id, nonce }) =>
      holding!.services.commands.answered(
        own.id,
        Buffer.from(JSON.stringify({ id, nonce, body: { status: 'locked' } })),
      ),
    );
    const ends = gateways.map((gateway) => gateway.services.commands.expire());
    const outcomes = await Promise.all(answers);
    await Promise.all(ends);
    for (const gateway of gateways) await gateway.services.commands.expire();
    const states: unknown[] = [];
    for (const [n, { id }] of all.entries()) {
      const found = await asking!.services.commands.get(id);
      const isAnswered = outcomes[n] === 'accepted';
      states.push(found?.state);
      expect([n, found?.state]).toEqual([n, isAnswered ? 'answered' : 'timeout']);
      expect([n, await told('command.answered', id), await told('command.timeout', id)]).toEqual(
        isAnswered ? [n, 1, 0] : [n, 0, 1],
      );
    }
    expect(states).toHaveLength(24);
  });

  it('shows what is hostile as one harmless line, and no name of it in the metrics', async () => {
    const metrics = async () => (await fetch(`${holding!.url}/metrics`)).text();
    const seriesOf = (text: string) =>
      text.split('\n').filter((line) => /^wattproof_(?:device|dead)/.test(line)).length;
    await metrics();
    const [device] = devices as [Device];
    const texts = [
      'a\u0000b',
      '\u202egnissim',
      '<script>alert(1)</script>',
      "'; DROP TABLE device; --",
      'line\r\nInjected: header',
      '\u001b[2J',
      'x'.repeat(5_000),
      '%s%n${env:SECRET}',
    ];
    for (const text of texts) {
      const alert = { code: text, text, severity: 'critical' };
      expect([text, await device.ask('alert', alert)]).toMatchObject([
        text,
        { type: 'ack', outcome: 'accepted' },
      ]);
      expect(await device.ask('status', { state: 'online', note: text })).toMatchObject({
        type: 'ack',
      });
    }
    expect(await device.ask('alert', { code: 'x'.repeat(900_000) })).toMatchObject({
      type: 'nack',
      code: 'report_invalid',
    });
    const client = await mqtt.connectAsync({
      host: '127.0.0.1',
      port: brokerPort,
      username: own.id,
      password: own.key,
      reconnectPeriod: 0,
    });
    for (const text of texts)
      await client.publishAsync(`wattproof/v1/${own.id}/alerts`, `{"code":"${text}`, { qos: 1 });
    await client.endAsync();
    await holding!.settle();
    const odd = /[\p{Cc}\p{Cf}\u2028\u2029]/u;
    const alerts: readonly { readonly code: string; readonly text: string }[] = await read(
      `/devices/${own.id}/alerts`,
    );
    expect(alerts).toHaveLength(texts.length);
    for (const { code, text } of alerts) {
      expect([code, odd.test(code + text), code.length <= 64]).toEqual([code, false, true]);
    }
    const letters: readonly { readonly source: string; readonly detail: string }[] =
      await read('/admin/dead-letters');
    for (const { source, detail } of letters) expect(odd.test(source + detail)).toBe(false);
    const { notices } = (await read('/notices')) as {
      readonly notices: readonly { readonly text: string }[];
    };
    expect(notices.length).toBeGreaterThanOrEqual(texts.length);
    for (const { text } of notices) expect([text, odd.test(text)]).toEqual([text, false]);
    expect(await read(`/devices/${own.id}`)).toMatchObject({
      state: 'alarm',
      telemetry: { body: { note: texts.at(-1) } },
    });
    const after = await metrics();
    expect(after).not.toContain(own.id);
    expect(seriesOf(after)).toBeLessThan(40);
  });

  it('keeps what two gateways hear of a device at once as one, and clears an alert once', async () => {
    const alert = {
      device: other.id,
      severity: 'critical',
      code: 'hot',
      text: 'hot',
      atMs: 1,
      body: {},
    } as const;
    const heard = await Promise.all(
      [0, 1, 0, 1].map((n) => gateways[n]!.services.desk.alert(alert)),
    );
    expect(heard.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
    const { id } = heard[0]!;
    const clear = (gateway: TestGateway, actor: string) =>
      gateway.services.store.desk
        .alert(id)
        .then((found) => gateway.services.alerts.clear(found!, { actor, reason: actor }));
    const cleared = await Promise.all([
      clear(asking!, 'one'),
      clear(holding!, 'two'),
      gateways[1]!.services.desk.alert(alert),
    ]);
    expect(cleared[0]).toEqual(cleared[1]);
    const { outbox, desk } = asking!.services.store;
    const events = await outbox.read('cleared', ['device.alert', 'device.alert_cleared'], 9_999);
    expect(events.filter(({ data }) => data['alert'] === id).map(({ type }) => type)).toEqual([
      'device.alert',
      'device.alert_cleared',
    ]);
    expect((await desk.get(other.id))?.openAlerts).toBe(0);
  });

  it('answers odd ids, queries and bodies with what is wrong, never with a fault of its own', async () => {
    const ids = [
      '%00',
      'a%00b',
      '%F0%9F%94%8B',
      '..%2f..',
      "'%3B--",
      'x'.repeat(700),
      '-1',
      '%E2%80%AE',
    ];
    const queries = [
      'limit=0',
      'cursor=%00',
      'cursor=n99999999999999999999',
      'cursor=tAAA',
      'state=%00',
    ];
    const bodies = [
      { reason: 'a\u0000' },
      { name: 'lock', body: { 'a\u0000': '\u0000' } },
      { name: '\u0000' },
      { first: '9223372036854775807', last: '9223372036854775807' },
      { from: '0001-01-01T00:00:00Z', to: '9999-12-31T23:59:59Z' },
      { meter_id: 'a\u0000', reason: 'x' },
      { meter_id: "x' OR true --", reason: 'x' },
    ];
    const told: [string, number][] = [];
    const ask = async (path: string, body?: object) => {
      const { status } = await fetch(`${asking!.url}/api/v1${path}`, {
        headers: { 'x-api-key': asking!.adminKey, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
      });
      told.push([`${path} ${JSON.stringify(body)}`, status]);
    };
    for (const id of [...ids, own.id]) {
      const reads = [
        `/devices/${id}`,
        `/devices/${id}/alerts`,
        `/meters/${id}/commands`,
        `/transfers/${id}/progress`,
        `/commands/${id}`,
      ];
      for (const path of reads) for (const query of ['', ...queries]) await ask(`${path}?${query}`);
      for (const body of bodies) {
        await ask(`/devices/${own.id}/alerts/${id}/clear`, body);
        await ask(`/meters/${id}/commands`, body);
        await ask(`/meters/${id}/resend`, body);
      }
    }
    for (const query of ['source=%00', 'code=%00', ...queries])
      await ask(`/admin/dead-letters?${query}`);
    for (const body of bodies) await ask('/admin/erasures', body);
    expect(told.filter(([, status]) => status >= 500)).toEqual([]);
  });
});
