import type { StoredUser } from '../../accounts/user.js';

/** A user as administrators see them. */
export function userDocument(user: StoredUser): object {
  const { disabledAtMs } = user;
  return {
    id: user.id,
    display_name: user.displayName,
    role: user.role,
    accounts: user.accounts,
    wallets: user.wallets,
    created_at: new Date(user.createdAtMs).toISOString(),
    disabled_at: disabledAtMs === undefined ? null : new Date(disabledAtMs).toISOString(),
  };
}
