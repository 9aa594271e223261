import { DevicesConfig } from '../devices/devices.config.js';
import { loadEd25519Backend } from '../devices/ed25519-backend.js';
import { MeterDirectory } from '../devices/meter-directory.js';
import { SignatureVerifier } from '../devices/signature-verifier.js';
import type { GatewayConfig } from '../plugins/index.js';
import type { Clock } from '../spi/index.js';
import type { Store } from '../stores/store.js';

/** The meters of this process, and what checks their signatures. */
export interface Devices {
  readonly directory: MeterDirectory;
  readonly signatures: SignatureVerifier;
}

/** Before the plugins: what they are lent asks whose a meter is, and which keys sign for it. */
export async function openDevices(parts: {
  readonly config: GatewayConfig;
  readonly store: Store;
  readonly clock: Clock;
}): Promise<Devices> {
  const config = DevicesConfig.parse(parts.config.devices);
  return {
    signatures: new SignatureVerifier(await loadEd25519Backend()),
    directory: new MeterDirectory({
      store: parts.store.meters,
      clock: parts.clock,
      maxStaleMs: config.directoryMaxStaleMs,
      entries: config.directoryEntries,
    }),
  };
}
