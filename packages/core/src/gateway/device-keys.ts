import { mayAccess, type Principal } from '../accounts/access.js';
import { AccountError } from '../accounts/account-error.js';
import type { AccountStore, StoredApiKey } from '../accounts/account.store.js';
import type { ApiKeyService, IssuedApiKey } from '../accounts/api-key.service.js';
import { MeterError } from '../devices/meter-error.js';
import { ownerAt } from '../devices/meter-ownership.js';
import type { MeterStore, StoredMeter } from '../devices/meter.store.js';
import type { Clock } from '../spi/index.js';

/** What an owner may always give their device. */
const SCOPES_OF_A_DEVICE: readonly string[] = ['ingest', 'read'];

export interface NewDeviceKey {
  readonly meterId: string;
  /** Checked when given: the key is of the account that the meter is. */
  readonly accountId?: string;
  readonly userId?: string;
  readonly scopes: readonly string[];
  readonly expiresAtMs?: number;
}

/** API keys of one meter: made and ended by operators, and by the meter's owner. */
export class DeviceKeys {
  constructor(
    private readonly parts: {
      readonly apiKeys: ApiKeyService;
      readonly accounts: Pick<AccountStore, 'apiKey'>;
      readonly meters: Pick<MeterStore, 'get'>;
      readonly clock: Clock;
    },
  ) {}

  /** Throws `MeterError` and `AccountError`; a meter of somebody else is told like one that does not exist. */
  async issue(request: NewDeviceKey, by: Principal): Promise<IssuedApiKey> {
    const { meterId, userId, scopes, expiresAtMs } = request;
    const { accountId } = await this.meterFor(meterId, by);
    if (request.accountId !== undefined && request.accountId !== accountId)
      throw new AccountError('device_key_account', 'a device key is of the account its meter is');
    if (!mayAccess(by, 'operator')) {
      const held = [...SCOPES_OF_A_DEVICE, ...by.scopes];
      const more = scopes.find((scope) => !held.includes(scope));
      if (more !== undefined)
        throw new AccountError('scope_not_held', `this key cannot give the scope "${more}"`);
      if (userId !== undefined && userId !== by.userId)
        throw new AccountError('key_exceeds_user', 'an owner gives keys to no other user');
    }
    return this.parts.apiKeys.issue(
      {
        accountId,
        role: 'device',
        meterId,
        scopes,
        ...(userId === undefined ? {} : { userId }),
        ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
      },
      by.id,
    );
  }

  /** False when there is no such device key that is live and theirs to end. */
  async revoke(id: string, by: Principal): Promise<boolean> {
    const key = await this.parts.accounts.apiKey(id);
    if (key === undefined || !mayEnd(key, by)) return false;
    return this.parts.apiKeys.revoke(id, by.id);
  }

  /** The meter with whose it is now. */
  private async meterFor(
    meterId: string,
    by: Principal,
  ): Promise<StoredMeter & { readonly accountId: string }> {
    if (by.role === 'auditor')
      throw new MeterError('reader_only', 'an auditor reads and changes nothing');
    const meter = await this.parts.meters.get(meterId);
    const owner = meter && ownerAt(meter, this.parts.clock.nowMs());
    const isTheirs = mayAccess(by, 'operator') || owner?.accountId === by.accountId;
    if (meter === undefined || owner === undefined || !isTheirs)
      throw new MeterError('meter_not_found', 'Meter not found');
    if (meter.state === 'retired')
      throw new MeterError('meter_state_conflict', 'the meter is retired; it gets no key');
    return { ...meter, accountId: owner.accountId };
  }
}

function mayEnd({ meterId, accountId }: StoredApiKey, by: Principal): boolean {
  if (by.role === 'auditor' || meterId === undefined) return false;
  return mayAccess(by, 'operator') || accountId === by.accountId;
}
