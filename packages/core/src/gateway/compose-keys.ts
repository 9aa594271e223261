import { DevicesConfig } from '../devices/devices.config.js';
import { KeyService } from '../devices/key.service.js';
import { nativeSha256 } from '../hashing/native-hashing.js';
import type { Journal } from '../logs/journal.js';
import type { GatewayConfig } from '../plugins/index.js';
import type { Clock } from '../spi/index.js';
import type { Store } from '../stores/store.js';
import type { Devices } from './open-devices.js';

/** Rotation, revocation and recovery of the keys whose signatures ingestion checks. */
export function composeKeys(parts: {
  readonly config: GatewayConfig;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: (length: number) => Uint8Array;
  readonly journal: Journal;
  readonly directory: Devices['directory'];
  readonly signatures: Devices['signatures'];
}): KeyService {
  const { config, store, clock, random, journal, directory, signatures } = parts;
  return new KeyService({
    store: store.keys,
    meters: store.meters,
    directory,
    signatures,
    clock,
    random,
    sha256: nativeSha256,
    config: DevicesConfig.parse(config.devices),
    journal,
    origin: config.origin,
  });
}
