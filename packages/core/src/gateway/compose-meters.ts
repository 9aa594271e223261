import { DevicesConfig } from '../devices/devices.config.js';
import type { MeterDirectory } from '../devices/meter-directory.js';
import { MeterHealth } from '../devices/meter-health.js';
import { MeterTransfers } from '../devices/meter-transfers.js';
import type { Journal } from '../logs/journal.js';
import type { GatewayConfig } from '../plugins/index.js';
import type { Clock } from '../spi/index.js';
import type { Store } from '../stores/store.js';

export interface MeterServices {
  readonly meterTransfers: MeterTransfers;
  readonly meterHealth: MeterHealth;
}

/** What is done with meters once they are registered. */
export function composeMeters(parts: {
  readonly config: GatewayConfig;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: (length: number) => Uint8Array;
  readonly journal: Journal;
  readonly directory: MeterDirectory;
}): MeterServices {
  const { store, clock, random, journal, directory } = parts;
  const config = DevicesConfig.parse(parts.config.devices);
  return {
    meterTransfers: new MeterTransfers({
      store: store.meters,
      directory,
      clock,
      random,
      config,
      journal,
      // An account is there when somebody can speak for it.
      async accountKnown(accountId) {
        const { items } = await store.accounts.listApiKeys({ accountId, limit: 1 });
        return items.length > 0;
      },
    }),
    meterHealth: new MeterHealth({ store: store.meters, clock, config: config.health }),
  };
}
