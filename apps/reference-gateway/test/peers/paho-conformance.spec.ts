import { describeTransport, type TransportSuiteOptions } from '@wattproof/core/testing';
import mqtt from '@wattproof/transport-mqtt';
import { HUNG_MS, theKitSees } from './faulty-transport.js';
import { PahoDevices } from './paho-devices.js';

let paho: PahoDevices;
beforeAll(async () => {
  paho = await PahoDevices.start();
});
afterAll(() => paho.end());

for (const version of [4, 5] as const)
  describe(`the embedded broker and Python's paho, MQTT ${version === 5 ? '5' : '3.1.1'}`, () => {
    const options: TransportSuiteOptions = {
      plugin: mqtt,
      config: { listen: { port: 0 }, maxMessageBytes: 65_536 },
      oversizedBytes: 70_000,
      patienceMs: HUNG_MS,
      client: {
        async connect({ transport }, { device, credential }) {
          if (credential.kind !== 'api-key') throw new Error('the kit shows keys');
          const { facts } = await transport.health();
          const port = Number(facts?.['mqttPort'] ?? 1);
          return paho.connect(port, version, { device, key: credential.key });
        },
      },
    };
    describeTransport(options);
    theKitSees(options);
  });
