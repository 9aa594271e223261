import {
  accountName,
  decideClaims,
  operationName,
  requestText,
} from '../../energy-ledger/decide-claims.js';
import {
  type CreditDecision,
  decideClosing,
  decideCredit,
  type MeasuredRegister,
} from '../../energy-ledger/decide-credit.js';
import type {
  AccountStatement,
  ClaimOutcome,
  ClaimRequest,
  ClassesOf,
  CreditedEntry,
  EnergyAccount,
  EnergyStore,
  EnergyTotals,
  HoldOutcome,
  HoldRequest,
  SayClaims,
  StoredHold,
} from '../../energy-ledger/energy.store.js';
import { ENERGY_CLASSES } from '../../energy-ledger/energy-class.js';
import { decideHold, type HoldFacts } from '../../energy-ledger/decide-hold.js';
import { everOwnedBy, ownerAt } from '../../devices/meter-ownership.js';
import type { StoredMeter } from '../../devices/meter.store.js';
import type { Assurance } from '../../logs/verdict.js';
import { readStatementCursor, type StatementPlace, statementCursor } from '../energy-cursor.js';
import { page } from '../list-cursor.js';
import { type EntryRecord, type LogState, newest, registersOf } from './log-state.js';
import type { MemoryChanges } from './memory-changes.js';
import type { MemoryMeters } from './meters.js';

type Journal = Parameters<Parameters<MemoryChanges['run']>[0]>[0];

export class MemoryEnergy implements EnergyStore {
  private readonly accounts = new Map<string, EnergyAccount>();
  private readonly claims = new Map<string, AccountStatement['claims'][number][]>();
  private readonly operations = new Map<string, { request: string; entryId: string }>();
  private readonly holds = new Map<string, StoredHold>();

  constructor(
    private readonly log: LogState,
    private readonly meters: MemoryMeters,
    private readonly changes: MemoryChanges,
  ) {
    meters.onState((meterId) => {
      const frozen = meters.isFrozen(meterId);
      for (const [name, account] of this.accounts)
        if (account.meterId === meterId) this.accounts.set(name, { ...account, frozen });
    });
    meters.onPromises((meterId) => {
      const ends = [...this.holds.values()]
        .filter((hold) => hold.meterId === meterId && hold.state === 'open')
        .map(({ endsMs }) => endsMs);
      return ends.length === 0 ? undefined : Math.max(...ends);
    });
  }

  credit(entries: readonly CreditedEntry[], classesOf: ClassesOf, say: SayClaims): Promise<void> {
    return this.changes.run(async (journal) => {
      const measured = entries
        .flatMap(({ entryId, supersedes }) => [
          this.log.byId.get(entryId),
          supersedes === undefined ? undefined : this.log.byHash.get(supersedes),
        ])
        .flatMap((record) => (record === undefined ? [] : this.measured(record)))
        .filter(
          ({ meterId, register, counts }) => !counts || classesOf(meterId, register).length > 0,
        );
      const starts = new Set(measured.map(({ meterId, startsMs }) => `${startsMs}/${meterId}`));
      const ids = new Set(measured.map(({ entryId }) => entryId));
      const known = [...this.accounts.values()].filter(
        ({ meterId, startsMs, entryId, shortfallUWh }) =>
          ids.has(entryId) || starts.has(`${startsMs}/${meterId}`) || shortfallUWh > 0n,
      );
      const holds = [...this.holds.values()].filter(({ state }) => state === 'open');
      await this.write(journal, decideCredit(measured, classesOf, known, holds), say);
    });
  }

  claim(
    requests: readonly ClaimRequest[],
    minAssurance: Assurance,
    say: SayClaims,
  ): Promise<readonly ClaimOutcome[]> {
    return this.changes.run(async (journal) => {
      const fresh = [...requests.keys()].filter(
        (place) => !this.operations.has(operationName(requests[place]!)),
      );
      const decisions = decideClaims(
        fresh.map((place) => requests[place]!),
        new Map(this.accounts),
        minAssurance,
      );
      const accepted = decisions.flatMap((one, at) =>
        one.kind === 'accepted' ? [{ ...one, place: fresh[at]! }] : [],
      );
      const said = say(accepted.map(({ claim }) => claim));
      await journal(said);
      accepted.forEach(({ claim, place }, at) =>
        this.add(claim, requestText(requests[place]!), said.rows[at]!.id),
      );
      const decided = new Map(fresh.map((place, at) => [place, decisions[at]!]));
      return requests.map((request, place): ClaimOutcome => {
        const decision = decided.get(place);
        if (decision?.kind === 'refused') return decision;
        const { entryId, request: text } = this.operations.get(operationName(request))!;
        if (decision?.kind === 'accepted') return { kind: 'claimed', entryId, existing: false };
        return text === requestText(request)
          ? { kind: 'claimed', entryId, existing: true }
          : { kind: 'key_conflict', entryId };
      });
    });
  }

  hold(request: HoldRequest, share: number): Promise<HoldOutcome> {
    return this.changes.run(async (): Promise<HoldOutcome> => {
      const { key, meterId, startsMs, endsMs } = request;
      const meter = await this.meters.get(meterId);
      const known = this.holds.get(key);
      const measured = [...this.accounts.values()].some(
        (account) =>
          account.meterId === meterId &&
          account.class === request.class &&
          account.startsMs < endsMs &&
          account.endsMs > startsMs &&
          account.creditedUWh > 0n,
      );
      const open = (await this.openHolds(meterId)).filter((hold) => hold.class === request.class);
      const decision = decideHold(
        request,
        {
          ...(meter === undefined ? {} : { meter: factsOf(meter, startsMs, endsMs) }),
          ...(known === undefined ? {} : { known }),
          measured,
          open,
        },
        share,
      );
      if (decision.kind !== 'fresh') return decision;
      const { ownerId: accountId } = decision;
      this.holds.set(key, { ...request, accountId, state: 'open', claimedUWh: 0n });
      return { kind: 'held', existing: false };
    });
  }

  closeHold(
    key: string,
    how: 'settle' | 'release',
    say: SayClaims,
  ): Promise<StoredHold | undefined> {
    return this.changes.run(async (journal) => {
      const hold = this.holds.get(key);
      if (hold?.state !== 'open') return hold;
      const known = [...this.accounts.values()].filter(
        (account) =>
          how === 'settle' &&
          account.meterId === hold.meterId &&
          account.class === hold.class &&
          hold.startsMs <= account.startsMs &&
          account.endsMs <= hold.endsMs,
      );
      await this.write(journal, decideClosing(hold, known), say);
      return this.holds.get(key);
    });
  }

  async statements(query: {
    readonly meterId: string;
    readonly accountId?: string;
    readonly fromMs?: number;
    readonly toMs?: number;
    readonly limit: number;
    readonly cursor?: string;
  }): Promise<{ readonly items: readonly AccountStatement[]; readonly cursor?: string }> {
    const { meterId, fromMs = -Infinity, toMs = Infinity, limit, cursor } = query;
    const behind = cursor === undefined ? undefined : readStatementCursor(cursor);
    const items = [...this.accounts]
      .map(([name, account]) => ({ ...account, claims: this.claims.get(name) ?? [] }))
      .filter((one) => one.meterId === meterId && one.startsMs >= fromMs && one.startsMs < toMs)
      .filter((one) => (query.accountId ?? one.accountId) === one.accountId)
      .sort(byPlace);
    const left = items.filter((one) => behind === undefined || byPlace(one, behind) > 0);
    return page(left, limit, statementCursor);
  }

  async openHolds(meterId: string): Promise<readonly StoredHold[]> {
    return [...this.holds.values()].filter(
      (hold) => hold.meterId === meterId && hold.state === 'open',
    );
  }

  async totals(query: {
    readonly accountId?: string;
    readonly meterId?: string;
  }): Promise<readonly EnergyTotals[]> {
    return ENERGY_CLASSES.flatMap((of) => {
      const own = [...this.accounts.values()].filter(
        (one) =>
          one.class === of &&
          (query.accountId ?? one.accountId) === one.accountId &&
          (query.meterId ?? one.meterId) === one.meterId,
      );
      const sum = (amount: (one: EnergyAccount) => bigint) =>
        own.reduce((total, one) => total + amount(one), 0n);
      if (own.length === 0) return [];
      return {
        class: of,
        intervals: own.length,
        creditedUWh: sum(({ creditedUWh }) => creditedUWh),
        claimedUWh: sum(({ claimedUWh }) => claimedUWh),
        shortfallUWh: sum(({ shortfallUWh }) => shortfallUWh),
      };
    });
  }

  /** What is left of an interval whose reading is about to be erased: as much as was used of it, and nothing once it was replaced. */
  forget(entryId: string): void {
    for (const [name, account] of this.accounts) {
      if (account.entryId !== entryId) continue;
      if (this.claims.has(name))
        this.accounts.set(name, forgotten(account, this.stands(entryId, account.register)));
      else this.accounts.delete(name);
    }
  }

  private stands(entryId: string, register: string): boolean {
    return [...registersOf(this.log.byId.get(entryId)?.row)].some(
      (place) => place.endsWith(`/${register}`) && this.log.occupied.get(place)?.holds(entryId),
    );
  }

  private measured(record: EntryRecord): readonly MeasuredRegister[] {
    const { reading } = record.row;
    if (reading === undefined) return [];
    const { assurance } = newest(record);
    const meter = this.meters.peek(reading.meterId);
    const frozen = this.meters.isFrozen(reading.meterId);
    // It was judged before its meter changed hands, and committed after.
    if (meter?.formerOwners !== undefined && everOwnedBy(meter, record.row.accountId))
      record.row = { ...record.row, accountId: ownerAt(meter, reading.startsMs).accountId };
    const { row } = record;
    return reading.energies.map(({ register, energyUWh }) => ({
      entryId: row.id,
      accountId: row.accountId,
      meterId: reading.meterId,
      register,
      startsMs: reading.startsMs,
      endsMs: reading.endsMs,
      energyUWh,
      assurance,
      counts: this.stands(row.id, register),
      frozen,
    }));
  }

  private async write(
    journal: Journal,
    { accounts, holds, claims, shortfalls }: CreditDecision,
    say: SayClaims,
  ): Promise<void> {
    const said = say(claims, shortfalls);
    await journal(said);
    for (const account of accounts) this.accounts.set(accountName(account), account);
    for (const hold of holds) this.holds.set(hold.key, hold);
    claims.forEach(({ purpose, key, lines }, at) => {
      for (const line of lines) {
        const entryId = said.rows[at]!.id;
        this.note(accountName(line), { purpose, key, energyUWh: line.energyUWh, entryId });
      }
    });
  }

  private add(
    { purpose, key, lines }: Parameters<SayClaims>[0][number],
    request: string,
    entryId: string,
  ): void {
    this.operations.set(operationName({ purpose, key }), { request, entryId });
    for (const line of lines) {
      const name = accountName(line);
      const account = this.accounts.get(name)!;
      this.accounts.set(name, { ...account, claimedUWh: account.claimedUWh + line.energyUWh });
      this.note(name, { purpose, key, energyUWh: line.energyUWh, entryId });
    }
  }

  private note(name: string, claim: AccountStatement['claims'][number]): void {
    const own = this.claims.get(name);
    if (own === undefined) this.claims.set(name, [claim]);
    else own.push(claim);
  }
}

function forgotten(account: EnergyAccount, stood: boolean): EnergyAccount {
  const { creditedUWh, claimedUWh, shortfallUWh } = account;
  return {
    ...account,
    creditedUWh: !stood ? 0n : creditedUWh < claimedUWh ? creditedUWh : claimedUWh,
    shortfallUWh: stood ? shortfallUWh : claimedUWh,
    frozen: true,
  };
}

function factsOf(
  meter: StoredMeter,
  startsMs: number,
  endsMs: number,
): NonNullable<HoldFacts['meter']> {
  const { state, ratingW, mintingSuspended } = meter;
  const owner = ownerAt(meter, startsMs);
  return {
    ...(ownerAt(meter, endsMs - 1) === owner ? { ownerId: owner.accountId } : {}),
    state,
    mintingSuspended: mintingSuspended !== undefined,
    ...(ratingW === undefined ? {} : { ratingW }),
  };
}

function byPlace(a: StatementPlace, b: StatementPlace): number {
  if (a.startsMs !== b.startsMs) return a.startsMs - b.startsMs;
  const [first, second] = [`${a.register}\0${a.class}`, `${b.register}\0${b.class}`];
  return first < second ? -1 : first > second ? 1 : 0;
}
