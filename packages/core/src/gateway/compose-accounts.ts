import { AccountsConfig } from '../accounts/accounts.config.js';
import { ApiKeyService, type RandomBytes } from '../accounts/api-key.service.js';
import { UserService } from '../accounts/user.service.js';
import type { Journal } from '../logs/journal.js';
import type { GatewayConfig } from '../plugins/index.js';
import type { Clock } from '../spi/index.js';
import type { Store } from '../stores/store.js';

/** Who may use the gateway. */
export function composeAccounts(parts: {
  readonly config: GatewayConfig;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly journal: Journal;
}): { readonly apiKeys: ApiKeyService; readonly users: UserService } {
  const { store, clock, random, journal } = parts;
  const shared = { store: store.accounts, clock, random, journal };
  return {
    apiKeys: new ApiKeyService({ ...shared, config: AccountsConfig.parse(parts.config.accounts) }),
    users: new UserService(shared),
  };
}
