import { describeTransport } from '@wattproof/core/testing';
import { KitBehindBrokers } from '../../../../packages/transport-mqtt/test/client/kit-behind-brokers.js';
import { startMosquitto } from './broker-process.js';
import { HUNG_MS, theKitSees } from './faulty-transport.js';

const kit = new KitBehindBrokers(() => startMosquitto());

for (const version of ['3.1.1', '5'] as const)
  describe(`behind mosquitto, MQTT ${version}`, () => {
    afterEach(() => kit.close());
    const options = { ...kit.options(version), patienceMs: HUNG_MS };
    describeTransport(options);
    theKitSees(options);
  });
