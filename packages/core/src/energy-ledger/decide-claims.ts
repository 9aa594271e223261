import { atLeast, type Assurance } from '../logs/verdict.js';
import { type EnergyClass, PURPOSES } from './energy-class.js';
import type {
  AcceptedClaim,
  AccountKey,
  ClaimRequest,
  EnergyAccount,
  RefusalCode,
  RefusedLine,
} from './energy.store.js';

/** Name of an account, for maps. */
export function accountName({ meterId, register, class: of, startsMs }: AccountKey): string {
  return `${of}/${startsMs}/${register}\0${meterId}`;
}

/** What a request takes: each line from each class its purpose uses, lines of one account together, by account name. */
export function wantsOf({ purpose, lines }: ClaimRequest): ReadonlyMap<string, Want> {
  const wants = new Map<string, Want>();
  for (const { meterId, register, startsMs, energyUWh } of lines)
    for (const side of PURPOSES[purpose] as readonly EnergyClass[]) {
      const account = { meterId, register, class: side, startsMs };
      const name = accountName(account);
      wants.set(name, { account, energyUWh: energyUWh + (wants.get(name)?.energyUWh ?? 0n) });
    }
  return wants;
}

/** The same text for the same request, whatever the order of its lines: what a repeated key is compared by. */
export function requestText(request: ClaimRequest): string {
  const wants = [...wantsOf(request)].map(([name, { energyUWh }]) => [name, String(energyUWh)]);
  return JSON.stringify([request.accountId ?? null, ...wants.sort(byName)]);
}

function byName([a]: readonly string[], [b]: readonly string[]): number {
  return a! < b! ? -1 : a! > b! ? 1 : 0;
}

export interface Want {
  readonly account: AccountKey;
  readonly energyUWh: bigint;
}

export type ClaimDecision =
  | { readonly kind: 'accepted'; readonly claim: AcceptedClaim }
  | { readonly kind: 'refused'; readonly lines: readonly RefusedLine[] }
  /** An earlier request of the group, by its place, was accepted under the same key. */
  | { readonly kind: 'repeated'; readonly of: number };

/** Name of what a key makes happen once. */
export function operationName(request: Pick<ClaimRequest, 'purpose' | 'key'>): string {
  return `${request.purpose}\0${request.key}`;
}

/**
 * Decides requests one after the other over accounts that nobody else changes meanwhile. `accounts`, by name, hold the
 * balances and are brought up to date; a request gets all its lines or takes nothing, and one that is refused leaves its key to
 * the next.
 */
export function decideClaims(
  requests: readonly ClaimRequest[],
  accounts: Map<string, EnergyAccount>,
  minAssurance: Assurance,
): readonly ClaimDecision[] {
  const taken = new Map<string, number>();
  return requests.map((request, place): ClaimDecision => {
    const of = taken.get(operationName(request));
    if (of !== undefined) return { kind: 'repeated', of };
    const decision = decideClaim(request, accounts, minAssurance);
    if (decision.kind === 'accepted') taken.set(operationName(request), place);
    return decision;
  });
}

function decideClaim(
  request: ClaimRequest,
  accounts: Map<string, EnergyAccount>,
  minAssurance: Assurance,
): Exclude<ClaimDecision, { kind: 'repeated' }> {
  const wants = [...wantsOf(request)];
  // All lines are one owner's, also when an operator asks.
  const owner = request.accountId ?? accounts.get(wants[0]?.[0] ?? '')?.accountId;
  const refused = wants.flatMap(([name, want]) => {
    const account = accounts.get(name);
    const code = refusalOf(request, owner, want, account, minAssurance);
    return code === undefined ? [] : [refusedLine(code, want, account)];
  });
  if (refused.length > 0) return { kind: 'refused', lines: refused };
  const lines = wants.map(([name, { energyUWh }]) => {
    const account = accounts.get(name)!;
    accounts.set(name, { ...account, claimedUWh: account.claimedUWh + energyUWh });
    return lineOf(account, energyUWh);
  });
  const { purpose, key } = request;
  return { kind: 'accepted', claim: { purpose, key, accountId: owner!, lines } };
}

/** A line of a claim on this account. */
export function lineOf(account: EnergyAccount, energyUWh: bigint): AcceptedClaim['lines'][number] {
  const { meterId, register, class: of, startsMs, endsMs } = account;
  return { meterId, register, class: of, startsMs, endsMs, energyUWh };
}

function refusalOf(
  { minAssurance: asked }: ClaimRequest,
  owner: string | undefined,
  { energyUWh }: Want,
  account: EnergyAccount | undefined,
  least: Assurance,
): RefusalCode | undefined {
  if (account === undefined) return 'not_credited';
  // Of somebody else's energy nothing is told, not even that it is there.
  if (account.accountId !== owner) return 'not_owner';
  if (account.frozen) return 'frozen';
  if (!atLeast(account.assurance, least) || !atLeast(account.assurance, asked ?? least))
    return 'assurance_too_low';
  if (account.shortfallUWh > 0n) return 'shortfall';
  return account.claimedUWh + energyUWh > account.creditedUWh ? 'insufficient' : undefined;
}

function refusedLine(
  code: RefusalCode,
  { account: key, energyUWh }: Want,
  account: EnergyAccount | undefined,
): RefusedLine {
  const refused = { ...key, code, wantedUWh: energyUWh };
  if (account === undefined || code === 'not_owner') return { ...refused, code: 'not_credited' };
  const { creditedUWh, claimedUWh, shortfallUWh } = account;
  return { ...refused, creditedUWh, claimedUWh, shortfallUWh };
}
