import type { Role } from './account.store.js';
import type { Wallet } from './wallet.js';

/** Somebody who acts for accounts: by API keys of their own, and known by wallets. */
export interface StoredUser {
  /** UUID, version 4. */
  readonly id: string;
  readonly displayName: string;
  readonly role: Role;
  /** Accounts they act for, sorted. */
  readonly accounts: readonly string[];
  /** By chain and address. */
  readonly wallets: readonly Wallet[];
  readonly createdAtMs: number;
  /** None of their keys opens anything any more. */
  readonly disabledAtMs?: number;
}

/** Roles a key may have when its user has this one: their own, and those that may do less. */
const HELD: Readonly<Record<Role, readonly Role[]>> = {
  admin: ['admin', 'operator', 'auditor', 'owner', 'device'],
  operator: ['operator', 'auditor', 'owner', 'device'],
  auditor: ['auditor'],
  owner: ['owner', 'device'],
  device: ['device'],
};

/** Why a user cannot have a key of this role for this account; undefined when they can. */
export function refuseKey(
  user: StoredUser,
  { role, accountId }: { readonly role: Role; readonly accountId: string },
): string | undefined {
  if (user.disabledAtMs !== undefined) return 'the user is disabled';
  if (!HELD[user.role].includes(role))
    return `a user whose role is ${user.role} has no key of role ${role}`;
  if (!user.accounts.includes(accountId)) return `the user does not act for account "${accountId}"`;
  return undefined;
}
