import type { Journal, Journaled } from '../logs/journal.js';
import type { Clock } from '../spi/index.js';
import type { JsonObject } from '../verify/contracts.js';
import type { ApiKeyDirectory } from './api-key-directory.js';
import type { RandomBytes } from './api-key.service.js';
import { AccountError } from './account-error.js';
import type { AccountStore, Role } from './account.store.js';
import type { StoredUser } from './user.js';
import { type Chain, CHAINS, type Wallet, walletOf } from './wallet.js';

/** Account of entries that belong to no owner. */
const ADMINISTRATION = 'admin';

export interface NewUser {
  readonly displayName: string;
  readonly role: Role;
  readonly accounts: readonly string[];
  readonly wallets: readonly { readonly chain: Chain; readonly address: string }[];
}

/** Creates, changes and disables users. Every change is an entry of the log; names stay out of it. */
export class UserService {
  constructor(
    private readonly parts: {
      readonly store: AccountStore;
      readonly clock: Clock;
      readonly random: RandomBytes;
      readonly journal: Journal;
      /** What remembers keys: told when some ended. */
      readonly directory?: Pick<ApiKeyDirectory, 'invalidate'>;
    },
  ) {}

  /** Throws `AccountError`: `wallet_invalid`, `wallet_taken`. */
  async create(request: NewUser, actor: string): Promise<StoredUser> {
    const { store, clock, random } = this.parts;
    const wallets = request.wallets.map(({ chain, address }) => checked(chain, address));
    const user: StoredUser = {
      id: uuidOf(random(16)),
      displayName: request.displayName,
      role: request.role,
      accounts: [...new Set(request.accounts)].sort(),
      wallets: [...new Map(wallets.map((one) => [nameOf(one), one])).values()].sort(byName),
      createdAtMs: clock.nowMs(),
    };
    const said = this.said(user.id, 'user.created', actor, {
      role: user.role,
      accounts: user.accounts.join(' '),
      wallets: user.wallets.map(nameOf).join(' '),
    });
    if ((await store.createUser(user, said)) === 'wallet_taken') throw taken();
    return user;
  }

  /** Ends what the user may: every key of theirs is revoked with it. Throws `AccountError`. */
  async disable(id: string, actor: string): Promise<StoredUser> {
    const { store, clock } = this.parts;
    const said = this.said(id, 'user.disabled', actor);
    const disabled = await store.disableUser(id, clock.nowMs(), said);
    this.parts.directory?.invalidate();
    if (!disabled) {
      await this.get(id);
      throw new AccountError('user_disabled', 'the user is disabled already');
    }
    return this.get(id);
  }

  /** Throws `AccountError`: `wallet_invalid`, `wallet_taken`, `user_not_found`, `user_disabled`. */
  async addWallet(id: string, chain: Chain, address: string, actor: string): Promise<StoredUser> {
    const wallet = checked(chain, address);
    const said = this.said(id, 'user.wallet-added', actor, { wallet: nameOf(wallet) });
    const outcome = await this.parts.store.addWallet(id, wallet, said);
    if (outcome === 'wallet_taken') throw taken();
    const user = await this.get(id);
    if (outcome === 'unknown') throw new AccountError('user_disabled', 'the user is disabled');
    return user;
  }

  /** Throws `AccountError`: `user_not_found`, `wallet_not_found`. */
  async removeWallet(
    id: string,
    chain: Chain,
    address: string,
    actor: string,
  ): Promise<StoredUser> {
    const wallet = walletOf(chain, address);
    const said = this.said(id, 'user.wallet-removed', actor, {
      wallet: wallet === undefined ? null : nameOf(wallet),
    });
    const removed = wallet !== undefined && (await this.parts.store.removeWallet(id, wallet, said));
    const user = await this.get(id);
    if (!removed) throw new AccountError('wallet_not_found', 'the user has no such wallet');
    return user;
  }

  /** Throws `user_not_found`. */
  async get(id: string): Promise<StoredUser> {
    const user = await this.parts.store.user(id);
    if (user === undefined) throw new AccountError('user_not_found', 'User not found');
    return user;
  }

  /** Who has a wallet of this address, on whichever ledger, and is not disabled. */
  async ofAddress(address: string): Promise<StoredUser | undefined> {
    for (const chain of CHAINS) {
      const wallet = walletOf(chain, address);
      const user = wallet && (await this.parts.store.userOfWallet(wallet));
      if (user !== undefined && user.disabledAtMs === undefined) return user;
    }
    return undefined;
  }

  private said(id: string, action: string, actor: string, detail?: JsonObject): Journaled {
    const { journal } = this.parts;
    const what = detail === undefined ? {} : { detail };
    return journal.audit({
      actor,
      action,
      subject: `user ${id}`,
      accountId: ADMINISTRATION,
      ...what,
    });
  }
}

function checked(chain: Chain, address: string): Wallet {
  const wallet = walletOf(chain, address);
  if (wallet !== undefined) return wallet;
  throw new AccountError('wallet_invalid', `"${address.slice(0, 64)}" is no address of ${chain}`);
}

const taken = (): AccountError =>
  new AccountError('wallet_taken', 'one of the wallets belongs to a user already');

const nameOf = ({ chain, address }: Wallet): string => `${chain}:${address}`;
const byName = (a: Wallet, b: Wallet): number => (nameOf(a) < nameOf(b) ? -1 : 1);

/** UUID, version 4 (RFC 9562 §5.4), of 16 random bytes. */
function uuidOf(random: Uint8Array): string {
  const bytes = Buffer.from(random);
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join('-');
}
