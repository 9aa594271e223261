import type { Principal } from '../accounts/access.js';
import type { ApiKeyService } from '../accounts/api-key.service.js';
import type { Identity } from './tokens.js';

/** Who calls, by the header X-API-Key. */
export class ApiKeyIdentity implements Identity {
  constructor(private readonly keys: ApiKeyService) {}

  identify(
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): Promise<Principal | undefined> | undefined {
    const key = headers['x-api-key'];
    if (key === undefined) return undefined;
    return typeof key === 'string' ? this.keys.authenticate(key) : Promise.resolve(undefined);
  }
}
