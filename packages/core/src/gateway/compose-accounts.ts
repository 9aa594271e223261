import { AccountsConfig } from '../accounts/accounts.config.js';
import { ApiKeyService, type RandomBytes } from '../accounts/api-key.service.js';
import type { ApiKeyDirectory } from '../accounts/api-key-directory.js';
import { UserService } from '../accounts/user.service.js';
import { DevicesConfig } from '../devices/devices.config.js';
import type { SignatureVerifier } from '../devices/signature-verifier.js';
import { IngestionConfig } from '../ingestion/ingestion.config.js';
import type { IngestionService } from '../ingestion/ingestion.service.js';
import type { Journal } from '../logs/journal.js';
import type { GatewayConfig } from '../plugins/index.js';
import type { Clock } from '../spi/index.js';
import type { Store } from '../stores/store.js';
import { readDocument } from '../verify/index.js';
import { DeviceKeys } from './device-keys.js';
import { ReadingSubmission } from './submit-reading.js';

/** Who may use the gateway, and what they submit by their wallets. */
export function composeAccounts(parts: {
  readonly config: GatewayConfig;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly journal: Journal;
  readonly ingestion: IngestionService;
  readonly signatures: SignatureVerifier;
  readonly keyDirectory: ApiKeyDirectory;
}): {
  readonly apiKeys: ApiKeyService;
  readonly users: UserService;
  readonly deviceKeys: DeviceKeys;
  readonly submissions: ReadingSubmission;
} {
  const { config, store, clock, random, journal, ingestion, signatures, keyDirectory } = parts;
  const shared = { store: store.accounts, clock, random, journal, directory: keyDirectory };
  const users = new UserService(shared);
  const apiKeys = new ApiKeyService({ ...shared, config: AccountsConfig.parse(config.accounts) });
  const { accounts, meters } = store;
  return {
    apiKeys,
    users,
    deviceKeys: new DeviceKeys({ apiKeys, accounts, meters, clock }),
    submissions: new ReadingSubmission({
      store,
      users,
      ingestion,
      signatures,
      readDocument,
      devices: DevicesConfig.parse(config.devices),
      limits: IngestionConfig.parse(config.ingestion),
    }),
  };
}
