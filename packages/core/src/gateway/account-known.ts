import type { Store } from '../stores/store.js';

/** An account is there when somebody can speak for it. */
export function accountKnown({
  accounts,
}: Pick<Store, 'accounts'>): (accountId: string) => Promise<boolean> {
  return async (accountId) => {
    const one = { accountId, limit: 1 };
    if ((await accounts.listApiKeys(one)).items.length > 0) return true;
    return (await accounts.listUsers(one)).items.length > 0;
  };
}
