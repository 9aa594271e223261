import type { Assurance } from '../logs/verdict.js';
import { accountName, lineOf } from './decide-claims.js';
import type { EnergyClass } from './energy-class.js';
import type { AcceptedClaim, AccountKey, EnergyAccount, StoredHold } from './energy.store.js';

/** One register of one reading as the log has it now. */
export interface MeasuredRegister {
  readonly entryId: string;
  readonly accountId: string;
  readonly meterId: string;
  readonly register: string;
  readonly startsMs: number;
  readonly endsMs: number;
  readonly energyUWh: bigint;
  readonly assurance: Assurance;
  /** Whether it holds its interval: accepted, flagged or released, well enough assured, and not replaced. */
  readonly counts: boolean;
  /** Whether its meter is suspended. */
  readonly frozen: boolean;
}

export interface CreditDecision {
  /** Accounts as they are to be, only those that change. */
  readonly accounts: readonly EnergyAccount[];
  /** Holds as they are to be, only those that change. */
  readonly holds: readonly StoredHold[];
  /** Holds that became claims. */
  readonly claims: readonly AcceptedClaim[];
  /** Accounts that lack more than they did. */
  readonly shortfalls: readonly EnergyAccount[];
}

/**
 * What the accounts are to be after these readings. `known`: the accounts that start where one of them starts, those that one
 * of them had credited, and those of the same registers that lack something within the time of one of them. `holds`: the
 * open ones of the meters concerned, in the order they were made. A corrected reading never undoes a claim: what it does not
 * cover any more is the account's shortfall. Nor does it give the same time a second time: what a shortfall of an overlapping
 * account has taken of it is not credited under another start.
 */
export function decideCredit(
  measured: readonly MeasuredRegister[],
  classesOf: (meterId: string, register: string) => readonly EnergyClass[],
  known: readonly EnergyAccount[],
  holds: readonly StoredHold[],
): CreditDecision {
  const before = new Map(known.map((account) => [accountName(account), account]));
  const accounts = new Map(before);
  // By time: of readings that stand beside each other only an earlier one's account can reach into the time of a later one.
  const counting = measured
    .filter(({ counts }) => counts)
    .toSorted((a, b) => a.startsMs - b.startsMs)
    .flatMap((reading) =>
      classesOf(reading.meterId, reading.register).map((of) => ({
        reading,
        key: { ...accountKey(reading), class: of },
      })),
    );
  const credited = new Set(counting.map(({ key }) => accountName(key)));
  const replaced = new Set(measured.filter(({ counts }) => !counts).map(({ entryId }) => entryId));
  for (const [name, account] of accounts)
    if (!credited.has(name) && replaced.has(account.entryId) && account.creditedUWh > 0n)
      accounts.set(name, balanced({ ...account, creditedUWh: 0n }));
  const lacking = new Map([...accounts].filter(([, { shortfallUWh }]) => shortfallUWh > 0n));
  for (const { reading, key } of counting) {
    const name = accountName(key);
    const account = creditedBy(reading, key, accounts.get(name), lacking.values());
    if (!same(account, accounts.get(name))) accounts.set(name, account);
    if (account.shortfallUWh > 0n) lacking.set(name, account);
    else lacking.delete(name);
  }
  const claims = new Map<string, AcceptedClaim>();
  const changed = holds.flatMap((hold) => {
    const left = serve(hold, accounts, credited, claims);
    return left.claimedUWh === hold.claimedUWh ? [] : [left];
  });
  return {
    accounts: [...accounts].flatMap(([name, account]) =>
      before.get(name) === account ? [] : [account],
    ),
    holds: changed,
    claims: [...claims.values()],
    shortfalls: [...accounts].flatMap(([name, account]) =>
      account.shortfallUWh > (before.get(name)?.shortfallUWh ?? 0n) ? [account] : [],
    ),
  };
}

function accountKey({ meterId, register, startsMs }: MeasuredRegister) {
  return { meterId, register, startsMs };
}

function creditedBy(
  { endsMs, entryId, accountId, assurance, frozen, energyUWh }: MeasuredRegister,
  key: AccountKey,
  before: EnergyAccount | undefined,
  lacking: Iterable<EnergyAccount>,
): EnergyAccount {
  const taken = takenWithin(key, endsMs, lacking);
  const account = balanced({
    ...key,
    endsMs,
    accountId,
    entryId,
    assurance,
    frozen,
    creditedUWh: energyUWh > taken ? energyUWh - taken : 0n,
    claimedUWh: before?.claimedUWh ?? 0n,
    shortfallUWh: 0n,
  });
  // What is claimed and not covered was claimed of all the time the account had.
  return account.shortfallUWh > 0n && before !== undefined && before.endsMs > endsMs
    ? { ...account, endsMs: before.endsMs }
    : account;
}

/**
 * What accounts under other starts have claimed of this time without credit of their own. Every reading bears all of it. Were it
 * shared, what one is credited would follow from which others stand: when one of them is replaced or erased, its share would
 * fall on readings that nobody corrected and whose energy may be claimed already, a shortfall that goes on from one to the next.
 * And credit comes out the same in whatever order it is told, of readings the decision does not know.
 */
function takenWithin(key: AccountKey, endsMs: number, lacking: Iterable<EnergyAccount>): bigint {
  let taken = 0n;
  for (const other of lacking)
    if (
      other.meterId === key.meterId &&
      other.register === key.register &&
      other.class === key.class &&
      other.startsMs !== key.startsMs &&
      other.startsMs < endsMs &&
      other.endsMs > key.startsMs
    )
      taken += other.shortfallUWh;
  return taken;
}

function same(a: EnergyAccount, b: EnergyAccount | undefined): boolean {
  return (
    b !== undefined &&
    a.entryId === b.entryId &&
    a.accountId === b.accountId &&
    a.endsMs === b.endsMs &&
    a.assurance === b.assurance &&
    a.creditedUWh === b.creditedUWh &&
    a.frozen === b.frozen
  );
}

/** With the shortfall that its credit and claims leave. */
function balanced(account: EnergyAccount): EnergyAccount {
  const { claimedUWh, creditedUWh } = account;
  return { ...account, shortfallUWh: claimedUWh > creditedUWh ? claimedUWh - creditedUWh : 0n };
}

/** Lets a hold take what was just credited within its delivery interval, oldest interval first. */
function serve(
  hold: StoredHold,
  accounts: Map<string, EnergyAccount>,
  credited: ReadonlySet<string>,
  claims: Map<string, AcceptedClaim>,
): StoredHold {
  let { claimedUWh } = hold;
  const own = [...credited]
    .map((name) => accounts.get(name)!)
    .filter((account) => covers(hold, account))
    .sort((a, b) => a.startsMs - b.startsMs || (a.register < b.register ? -1 : 1));
  for (const account of own) {
    const free = account.creditedUWh - account.claimedUWh;
    const missing = hold.energyUWh - claimedUWh;
    const taken = free < missing ? free : missing;
    if (taken <= 0n || account.frozen) continue;
    claimedUWh += taken;
    accounts.set(accountName(account), { ...account, claimedUWh: account.claimedUWh + taken });
    const claim = claims.get(hold.key);
    const lines = [...(claim?.lines ?? []), lineOf(account, taken)];
    const { accountId } = account;
    claims.set(hold.key, { purpose: 'forward-sale', key: hold.key, accountId, lines });
  }
  return { ...hold, claimedUWh };
}

/** What a hold still takes when it ends: whatever is free within its interval. */
export function decideClosing(hold: StoredHold, known: readonly EnergyAccount[]): CreditDecision {
  const accounts = new Map(known.map((account) => [accountName(account), account]));
  const claims = new Map<string, AcceptedClaim>();
  const closed = serve(hold, accounts, new Set(accounts.keys()), claims);
  const changed = [...accounts.values()].filter((account) => !known.includes(account));
  return {
    accounts: changed,
    holds: [{ ...closed, state: 'closed' }],
    claims: [...claims.values()],
    shortfalls: [],
  };
}

function covers(hold: StoredHold, account: EnergyAccount): boolean {
  return (
    hold.meterId === account.meterId &&
    hold.class === account.class &&
    hold.startsMs <= account.startsMs &&
    account.endsMs <= hold.endsMs
  );
}
