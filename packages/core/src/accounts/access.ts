import type { Role } from './account.store.js';

/**
 * Who may use a route at all. Each route names one; `device` routes authenticate by the device's own signature, `meter` routes
 * are for owners and for the key of a device, which sees its own meter there and nothing else.
 */
export const ACCESS_CLASSES = ['public', 'device', 'meter', 'owner', 'operator', 'admin'] as const;
export type AccessClass = (typeof ACCESS_CLASSES)[number];

/** Who is asking. Absent means nobody said who they are. */
export interface Principal {
  readonly kind: 'api-key' | 'admin-key' | 'device';
  /** Id of the API key or of the device; `admin` for the configured admin key. */
  readonly id: string;
  readonly accountId: string;
  readonly role: Role;
  /** Whose key it is, when it is a person's. */
  readonly userId?: string;
  /** Of a device key: the one meter it speaks for. */
  readonly meterId?: string;
  /** Empty means all that the role may. */
  readonly scopes: readonly string[];
}

const ROLES_OF_CLASS: Readonly<Record<AccessClass, readonly Role[]>> = {
  public: ['device', 'owner', 'auditor', 'operator', 'admin'],
  device: ['device', 'owner', 'auditor', 'operator', 'admin'],
  meter: ['device', 'owner', 'auditor', 'operator', 'admin'],
  owner: ['owner', 'auditor', 'operator', 'admin'],
  operator: ['operator', 'admin'],
  admin: ['admin'],
};

/**
 * Whether `principal` may use a route of this class that asks for all of `scopes`. Public and device routes
 * need nobody: there the message itself is checked; but a key with scopes that is presented to a device route does
 * there what its scopes name, and nothing else. A key without scopes has every scope of its role.
 * Says nothing about whose rows may be seen; see `seesEveryAccount`.
 */
export function mayAccess(
  principal: Principal | undefined,
  accessClass: AccessClass,
  scopes: readonly string[] = [],
): boolean {
  if (accessClass === 'public') return true;
  if (principal === undefined) return accessClass === 'device';
  if (!ROLES_OF_CLASS[accessClass].includes(principal.role)) return false;
  return principal.scopes.length === 0 || scopes.every((scope) => principal.scopes.includes(scope));
}

/** Operators, auditors and admins read the rows of every account; owners and devices their own only. */
export function seesEveryAccount(principal: Principal): boolean {
  return ['operator', 'auditor', 'admin'].includes(principal.role);
}
