import { AccountsConfig } from '../accounts/accounts.config.js';
import { ApiKeyCheck } from '../accounts/api-key-check.js';
import { ApiKeyDirectory } from '../accounts/api-key-directory.js';
import { ConnectChallenges } from '../devices/connect-challenges.js';
import { DevicesConfig } from '../devices/devices.config.js';
import { ProvenKeys } from '../devices/proven-keys.js';
import type { GatewayConfig } from '../plugins/index.js';
import type { Clock } from '../spi/index.js';
import type { Store } from '../stores/store.js';
import { KnownCallers } from './known-callers.js';
import type { Devices } from './open-devices.js';

/** Who is at the other end of connections, before the plugins that ask for it. */
export function composeCallers(parts: {
  readonly config: GatewayConfig;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: (length: number) => Uint8Array;
  readonly devices: Devices;
}): { readonly callers: KnownCallers; readonly keyDirectory: ApiKeyDirectory } {
  const { store, clock, random } = parts;
  const { directory, signatures } = parts.devices;
  const config = DevicesConfig.parse(parts.config.devices);
  const challenges = new ConnectChallenges({
    store: store.meters,
    clock,
    random,
    ttlMs: config.challengeTtlMs,
    rate: config.challengeRate,
    remembered: config.connectChallenges,
  });
  const keyDirectory = new ApiKeyDirectory({
    store: store.accounts,
    clock,
    maxStaleMs: config.directoryMaxStaleMs,
    entries: config.directoryEntries,
  });
  const callers = new KnownCallers({
    apiKeys: keyDirectory,
    check: new ApiKeyCheck({ clock, config: AccountsConfig.parse(parts.config.accounts) }),
    provenKeys: new ProvenKeys({
      directory,
      signatures,
      challenges,
      clock,
      algorithms: config.algorithms,
      origin: parts.config.origin,
    }),
    challenges,
    directory,
    clock,
  });
  return { callers, keyDirectory };
}
