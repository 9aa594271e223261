import { everOwnedBy } from '../../devices/meter-ownership.js';
import { changedRegisters, type MeterRegister } from '../../devices/meter-registers.js';
import {
  type AcceptTransfer,
  decideAcceptance,
  handedOver,
  type MeterTransfer,
  refuseOffer,
  type TransferOutcome,
} from '../../devices/meter-transfer.js';
import type {
  GapQuery,
  MeterGap,
  MeterKey,
  MeterState,
  MeterStore,
  MintingSuspension,
  ReceivedQuery,
  ReceivedReadings,
  StoredMeter,
} from '../../devices/meter.store.js';
import type { Journaled } from '../../logs/journal.js';
import type { Clock } from '../../spi/index.js';
import { toHex } from '../../verify/bytes.js';
import { page, readTextCursor, textCursor } from '../list-cursor.js';
import { MemoryChallenges } from './challenges.js';
import { type LogState, speakerOf } from './log-state.js';
import type { MemoryChanges } from './memory-changes.js';
import { countReceived, lastStartOf, listGaps, settleOwners } from './meter-health.js';
import { MemoryTransfers } from './meter-transfers.js';

export class MemoryMeters implements MeterStore {
  private readonly meters = new Map<string, StoredMeter>();
  private changes = 0n;
  private readonly told: ((meterId: string) => void)[] = [];
  private readonly allowed = new Set<string>();
  private readonly challenges: MemoryChallenges;
  private readonly offers = new MemoryTransfers();
  private promisedUntil: (meterId: string) => number | undefined = () => undefined;

  constructor(
    clock: Clock,
    private readonly journaled: MemoryChanges,
    private readonly log: LogState,
  ) {
    log.meters = this;
    this.challenges = new MemoryChallenges(clock);
  }

  register(meter: StoredMeter, said: Journaled): Promise<'registered' | 'meter_taken'> {
    return this.journaled.run(async (journal) => {
      const claimed = this.claimed(meter);
      if (claimed.some(holdsSomething)) return 'meter_taken';
      await journal(said);
      for (const dropped of claimed) {
        this.meters.delete(dropped.meterId);
        for (const { publicKey } of dropped.keys)
          this.log.revokedSpeakers.delete(speakerOf(dropped.meterId, publicKey));
      }
      this.tellRevoked(meter);
      const { admitted = meter.state === 'active', ...rest } = meter;
      this.meters.set(meter.meterId, {
        ...rest,
        keys: [...meter.keys],
        ...(admitted ? { admitted } : {}),
      });
      this.changes += 1n;
      return 'registered';
    });
  }

  noteClaim(said: Journaled): Promise<void> {
    return this.journaled.run((journal) => journal(said));
  }

  async holders(
    wanted: Pick<StoredMeter, 'meterId' | 'fingerprint'>,
  ): Promise<readonly StoredMeter[]> {
    return this.claimed(wanted).filter(holdsSomething).toSorted(byId);
  }

  private claimed({
    meterId,
    fingerprint,
  }: Pick<StoredMeter, 'meterId' | 'fingerprint'>): readonly StoredMeter[] {
    const wanted = toHex(fingerprint);
    return [...this.meters.values()].filter(
      (other) => other.meterId === meterId || toHex(other.fingerprint) === wanted,
    );
  }

  /** Says until when energy of a meter is promised. */
  onPromises(promisedUntil: (meterId: string) => number | undefined): void {
    this.promisedUntil = promisedUntil;
  }

  /** Told of every change of a meter's state, within its transaction. */
  onState(told: (meterId: string) => void): void {
    this.told.push(told);
  }

  /** For changes that are under way already. */
  setKeys(meterId: string, keys: StoredMeter['keys']): void {
    const meter = this.meters.get(meterId);
    if (meter === undefined) return;
    this.meters.set(meterId, { ...meter, keys: [...keys] });
    this.tellRevoked({ meterId, keys });
    this.changes += 1n;
  }

  private tellRevoked({ meterId, keys }: Pick<StoredMeter, 'meterId' | 'keys'>): void {
    for (const { publicKey, revokedAtMs } of keys)
      if (revokedAtMs !== undefined) this.log.revokedSpeakers.add(speakerOf(meterId, publicKey));
  }

  /** Whether nothing of it can be claimed. */
  isFrozen(meterId: string): boolean {
    const meter = this.meters.get(meterId);
    return meter?.state === 'suspended' || meter?.mintingSuspended !== undefined;
  }

  /** By id: those with such a key whose minting is not suspended. */
  mintable(hasKey: (key: MeterKey) => boolean): readonly StoredMeter[] {
    return [...this.meters.values()]
      .filter(({ keys, mintingSuspended }) => mintingSuspended === undefined && keys.some(hasKey))
      .toSorted(byId);
  }

  /** Within a transaction: freezes what it measured. */
  suspendMinting(meterId: string, why: MintingSuspension): void {
    const meter = this.meters.get(meterId);
    if (meter === undefined) return;
    this.meters.set(meterId, { ...meter, mintingSuspended: why });
    for (const told of this.told) told(meterId);
    this.changes += 1n;
  }

  resumeMinting(meterId: string, said: Journaled): Promise<boolean> {
    return this.journaled.run(async (journal) => {
      const meter = this.meters.get(meterId);
      if (meter?.mintingSuspended === undefined) return false;
      await journal(said);
      const { mintingSuspended: _why, ...rest } = meter;
      this.meters.set(meterId, rest);
      for (const told of this.told) told(meterId);
      this.changes += 1n;
      return true;
    });
  }

  peek(meterId: string): StoredMeter | undefined {
    return this.meters.get(meterId);
  }

  async get(meterId: string): Promise<StoredMeter | undefined> {
    return this.meters.get(meterId);
  }

  async find(wanted: {
    readonly meterIds: readonly string[];
    readonly keyIds: readonly string[];
  }): Promise<readonly StoredMeter[]> {
    const meterIds = new Set(wanted.meterIds);
    const keyIds = new Set(wanted.keyIds);
    return [...this.meters.values()]
      .filter(
        ({ meterId, keys }) => meterIds.has(meterId) || keys.some(({ keyId }) => keyIds.has(keyId)),
      )
      .toSorted(byId);
  }

  async list(query: {
    readonly state?: MeterState;
    readonly accountId?: string;
    readonly everOwnedBy?: string;
    readonly limit: number;
    readonly cursor?: string;
  }): Promise<{ readonly items: readonly StoredMeter[]; readonly cursor?: string }> {
    const behind = query.cursor === undefined ? undefined : readTextCursor(query.cursor);
    const found = [...this.meters.values()]
      .filter(
        (meter) =>
          (behind === undefined || meter.meterId > behind) &&
          (query.state === undefined || meter.state === query.state) &&
          (query.accountId === undefined || meter.accountId === query.accountId) &&
          (query.everOwnedBy === undefined || everOwnedBy(meter, query.everOwnedBy)),
      )
      .sort(byId);
    return page(found, query.limit, (last) => textCursor(last.meterId));
  }

  setState(
    meterId: string,
    from: MeterState,
    to: MeterState,
    said: Journaled,
    onlyOf?: string,
  ): Promise<boolean> {
    return this.journaled.run(async (journal) => {
      const meter = this.meters.get(meterId);
      if (meter?.state !== from || (onlyOf ?? meter.accountId) !== meter.accountId) return false;
      await journal(said);
      this.meters.set(meterId, {
        ...meter,
        state: to,
        ...(to === 'active' ? { admitted: true } : {}),
      });
      for (const told of this.told) told(meterId);
      this.changes += 1n;
      return true;
    });
  }

  setRegisters(
    meterId: string,
    {
      from,
      to,
    }: {
      readonly from: readonly MeterRegister[] | undefined;
      readonly to: readonly MeterRegister[];
    },
    said: Journaled,
  ): Promise<'changed' | 'in_use' | 'changed_meanwhile'> {
    return this.journaled.run(async (journal) => {
      const meter = this.meters.get(meterId);
      if (meter === undefined || JSON.stringify(meter.registers) !== JSON.stringify(from))
        return 'changed_meanwhile';
      const own = toHex(meter.fingerprint);
      if (changedRegisters(from, to).some((name) => this.log.occupied.get(`${own}/${name}`)?.used))
        return 'in_use';
      await journal(said);
      this.meters.set(meterId, { ...meter, registers: to });
      this.changes += 1n;
      return 'changed';
    });
  }

  offerTransfer(transfer: MeterTransfer, said: Journaled): Promise<TransferOutcome> {
    const { meterId } = transfer;
    return this.journaled.run(async (journal): Promise<TransferOutcome> => {
      const open = this.offers.openOn(meterId);
      const refusal = refuseOffer({ meter: this.meters.get(meterId), open }, transfer);
      if (refusal !== undefined) return refusal;
      await journal(said);
      if (open !== undefined) this.offers.put({ ...open, state: 'expired' });
      this.offers.put(transfer);
      return { kind: 'done', transfer };
    });
  }

  acceptTransfer(
    acceptance: AcceptTransfer,
    say: (transfer: MeterTransfer) => Journaled,
  ): Promise<TransferOutcome> {
    return this.journaled.run(async (journal) => {
      const offer = this.offers.get(acceptance.transferId);
      const meter = offer === undefined ? undefined : this.meters.get(offer.meterId);
      const outcome = decideAcceptance({ meter }, offer, acceptance, this.bounds(offer?.meterId));
      if (outcome.kind === 'refused') return outcome;
      const { transfer } = outcome;
      await journal(say(transfer));
      this.offers.put(transfer);
      this.meters.set(
        transfer.meterId,
        handedOver(meter!, transfer, transfer.effectiveAtMs!, acceptance.owner),
      );
      this.changes += 1n;
      return outcome;
    });
  }

  withdrawTransfer(
    transferId: string,
    atMs: number,
    said: Journaled,
  ): Promise<MeterTransfer | undefined> {
    return this.journaled.run(async (journal) => {
      const offer = this.offers.get(transferId);
      if (offer?.state !== 'offered') return undefined;
      await journal(said);
      const withdrawn: MeterTransfer = { ...offer, state: 'withdrawn', closedAtMs: atMs };
      this.offers.put(withdrawn);
      return withdrawn;
    });
  }

  settleOwners(acceptedSinceMs: number): Promise<number> {
    return this.journaled.run(() =>
      this.offers
        .acceptedSince(acceptedSinceMs)
        .map((transfer) => settleOwners(this.log, transfer, this.meters.get(transfer.meterId)!))
        .reduce((sum, count) => sum + count, 0),
    );
  }

  async transfer(transferId: string): Promise<MeterTransfer | undefined> {
    return this.offers.get(transferId);
  }

  async transfers(
    query: Parameters<MeterStore['transfers']>[0],
  ): Promise<{ readonly items: readonly MeterTransfer[]; readonly cursor?: string }> {
    return this.offers.list(query);
  }

  async gaps(query: GapQuery): Promise<readonly MeterGap[]> {
    return listGaps(this.log, query);
  }

  async received(query: ReceivedQuery): Promise<ReceivedReadings> {
    return countReceived(this.log, query);
  }

  private bounds(meterId = ''): {
    readonly lastStartMs?: number;
    readonly promisedUntilMs?: number;
  } {
    const lastStartMs = lastStartOf(this.log, meterId);
    const promisedUntilMs = this.promisedUntil(meterId);
    return {
      ...(lastStartMs === undefined ? {} : { lastStartMs }),
      ...(promisedUntilMs === undefined ? {} : { promisedUntilMs }),
    };
  }

  setAllowed(
    meterIds: readonly string[],
    allowed: boolean,
    _by: { readonly principal: string; readonly atMs: number },
    said: Journaled,
  ): Promise<number> {
    return this.journaled.run(async (journal) => {
      const changing = new Set(meterIds.filter((id) => this.allowed.has(id) !== allowed));
      if (changing.size > 0) await journal(said);
      for (const id of changing) {
        if (allowed) this.allowed.add(id);
        else this.allowed.delete(id);
      }
      return changing.size;
    });
  }

  async isAllowed(meterId: string): Promise<boolean> {
    return this.allowed.has(meterId);
  }

  async revision(): Promise<bigint> {
    return this.changes;
  }

  async putChallenge(nonce: string, ttlMs: number): Promise<void> {
    this.challenges.put(nonce, ttlMs);
  }

  async useChallenge(nonce: string): Promise<boolean> {
    return this.challenges.use(nonce);
  }
}

/** A registration that was turned down, and never let in, holds nothing. */
function holdsSomething({ state, admitted = false }: StoredMeter): boolean {
  return state !== 'retired' || admitted;
}

function byId(a: StoredMeter, b: StoredMeter): number {
  return a.meterId < b.meterId ? -1 : 1;
}
