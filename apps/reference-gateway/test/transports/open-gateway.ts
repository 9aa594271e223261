import localLedger from '@wattproof/core/local-ledger';
import { FakeClock, startTestGateway, type TestGateway } from '@wattproof/core/testing';
import mqtt from '@wattproof/transport-mqtt';
import ws from '@wattproof/transport-ws';

type Config = NonNullable<NonNullable<Parameters<typeof startTestGateway>[0]>['config']>;

/** A whole gateway with these transports, in this process; what is dated now is good for it. */
export function gatewayWith(
  transports: Config['transports'],
  config: Omit<Config, 'transports'> = {},
): Promise<TestGateway> {
  return startTestGateway({
    clock: new FakeClock(Date.now()),
    plugins: {
      '@wattproof/core/local-ledger': localLedger,
      '@wattproof/transport-mqtt': mqtt,
      '@wattproof/transport-ws': ws,
    },
    config: { ...config, ...(transports === undefined ? {} : { transports }) },
  });
}
