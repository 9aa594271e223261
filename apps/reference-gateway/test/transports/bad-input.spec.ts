import { askGateway, freePort, type TestGateway } from '@wattproof/core/testing';
import { type KnownDevice, knownDevices } from './known-device.js';
import { gatewayWith } from './open-gateway.js';
import { httpSender, mqttSender, type OpenSender, type Sender, wsSender } from './senders.js';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

type Told = readonly [http: string, mqtt5: string, mqtt311: string, ws: string];

interface Case {
  readonly what: string;
  readonly send: (sender: Sender, own: KnownDevice, other: KnownDevice) => Promise<string>;
  readonly told: Told;
  /** Under which code a message over MQTT is kept, because 3.1.1 can tell nothing. */
  readonly letter?: string;
}

/** The table of docs/transports.md. */
const CASES: readonly Case[] = [
  {
    what: 'a message larger than what is taken as one',
    send: (sender) => sender.readings(bytesOf(`{"x":"${'x'.repeat(1_060_000)}"}`)),
    told: ['413 message_too_large', 'PUBACK 0x83', 'PUBACK 0x00', 'nack message_too_large'],
    letter: 'message_too_large',
  },
  {
    what: 'a message larger than the connection takes',
    send: (sender) => sender.readings(bytesOf(`{"x":"${'x'.repeat(2_000_000)}"}`)),
    told: ['413 message_too_large', 'DISCONNECT 0x95', 'closed', 'close 1009'],
  },
  {
    what: 'a message where nothing is taken',
    send: (sender) => sender.elsewhere(bytesOf('{}')),
    told: ['404 route_not_found', 'PUBACK 0x83', 'PUBACK 0x00', 'nack type_unknown'],
    letter: 'topic_unknown',
  },
  {
    // Where no topic says who speaks, its signature does, whoever carries it.
    what: "another device's signed reading where that device speaks",
    send: (sender, _own, other) => sender.readingsAs(other, bytesOf(other.reading())),
    told: ['200 accepted', 'PUBACK 0x87', 'PUBACK 0x00', 'ack accepted'],
    letter: 'not_the_device',
  },
  {
    what: 'a reading of another device without its signature',
    send: (sender, _own, other) => sender.readings(bytesOf(unsigned(other.reading()))),
    told: ['403 meter_mismatch', 'PUBACK 0x87', 'PUBACK 0x00', 'ack meter_mismatch'],
    letter: 'meter_mismatch',
  },
  {
    what: 'binary garbage',
    send: (sender) => sender.readings(Uint8Array.of(0xff, 0xfe, 0x00, 0xc3, 0x28)),
    told: ['400 json_utf8', 'PUBACK 0x99', 'PUBACK 0x00', 'nack json_utf8'],
    letter: 'json_utf8',
  },
  {
    what: 'half a document',
    send: (sender) => sender.readings(bytesOf('{"format":"read')),
    told: ['400 json_syntax', 'PUBACK 0x99', 'PUBACK 0x00', 'nack json_syntax'],
    letter: 'json_syntax',
  },
  {
    what: 'what is not the protocol',
    send: (sender) => sender.noProtocol(),
    told: ['400', 'DISCONNECT 0x81', 'closed', 'close 1002'],
  },
];

const TRANSPORTS: readonly (readonly [string, OpenSender])[] = [
  ['HTTP', httpSender],
  ['MQTT 5', mqttSender(5)],
  ['MQTT 3.1.1', mqttSender(4)],
  ['WebSocket', wsSender],
];

function unsigned(envelope: string): string {
  const { signature: _left, ...rest } = JSON.parse(envelope) as Record<string, unknown>;
  return JSON.stringify(rest);
}

describe('input that is wrong', () => {
  let gateway: TestGateway;
  let mqttPort: number;
  let devices: readonly [KnownDevice, KnownDevice, KnownDevice, KnownDevice, KnownDevice];
  beforeAll(async () => {
    mqttPort = await freePort();
    gateway = await gatewayWith(
      {
        mqtt: { use: '@wattproof/transport-mqtt', listen: { port: mqttPort } },
        ws: { use: '@wattproof/transport-ws' },
      },
      { devices: { registration: 'open' } },
    );
    devices = (await knownDevices(gateway, 5)) as unknown as typeof devices;
  });
  afterAll(() => gateway.stop());

  const lettersOf = async (): Promise<readonly { readonly code: string }[]> =>
    (await (await askGateway(gateway, '/admin/dead-letters?limit=1')).json()) as never;

  describe.each(TRANSPORTS)('over %s', (name, open) => {
    const at = TRANSPORTS.findIndex(([other]) => other === name);

    it.each(CASES)('$what has its answer, and a good reading after it, too', async (wrong) => {
      const [own, other, bystander] = devices;
      const standing = await open(gateway, bystander, mqttPort);
      const sender = await open(gateway, own, mqttPort);
      expect(await wrong.send(sender, own, other)).toBe(wrong.told[at]);
      if (wrong.letter !== undefined && name.startsWith('MQTT'))
        expect(await lettersOf()).toMatchObject([{ code: wrong.letter }]);
      sender.close();
      const again = await open(gateway, own, mqttPort);
      for (const [good, device] of [
        [again, own],
        [standing, bystander],
      ] as const) {
        expect(await good.readings(bytesOf(device.reading()))).toBe(GOOD[at]);
        good.close();
      }
    });

    it('a device whose key is revoked is told, or cut off, at its next message', async () => {
      const [device] = await knownDevices(gateway, 5 + at + 1).then((all) => all.slice(-1));
      const sender = await open(gateway, device!, mqttPort);
      expect(await sender.readings(bytesOf(device!.reading()))).toBe(GOOD[at]);
      const revoked = await askGateway(gateway, `/admin/api-keys/${device!.keyId}`, 'DELETE');
      expect(revoked.status).toBe(200);
      const told = ['401 api_key_invalid', 'DISCONNECT 0x87', 'closed', 'close 1008'];
      expect(await sender.readings(bytesOf(device!.reading()))).toBe(told[at]);
      sender.close();
    });

    it('a storm of connections that come and are cut takes no reading from others', async () => {
      const [, , , steady, storming] = devices;
      let over = false;
      const storm = Array.from({ length: 10 }, async () => {
        while (!over) {
          const one = await open(gateway, storming, mqttPort).catch(() => undefined);
          const cut = one?.readings(bytesOf('{"format":"read')).catch(() => {});
          one?.close();
          await cut;
        }
      });
      const sender = await open(gateway, steady, mqttPort);
      for (let count = 0; count < 20; count += 1)
        expect(await sender.readings(bytesOf(steady.reading()))).toBe(GOOD[at]);
      over = true;
      await Promise.all(storm);
      sender.close();
    });
  });
});

const GOOD: Told = ['200 accepted', 'PUBACK 0x00', 'PUBACK 0x00', 'ack accepted'];
