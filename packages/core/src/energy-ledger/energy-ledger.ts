import type { Journal } from '../logs/journal.js';
import type { DomainEvent } from '../spi/index.js';
import type { ClaimsConfig } from './claims.config.js';
import { ClaimQueue } from './claim-queue.js';
import { PURPOSES } from './energy-class.js';
import { EnergyError } from './energy-error.js';
import type {
  ClaimRequest,
  ClassesOf,
  CreditedEntry,
  EnergyAccount,
  EnergyStore,
  HoldRequest,
  SayClaims,
  StoredHold,
} from './energy.store.js';

/** Furthest instant that a date can be (ECMA-262, 21.4.1.1). */
const MAX_INSTANT_MS = 8.64e15;

/** What a claim did: the log entry that states it. */
export interface Claimed {
  readonly entryId: string;
  /** True when an earlier call with the same key had done it. */
  readonly existing: boolean;
}

/** A reading that counts now, as its event tells. */
export interface CommittedReading extends CreditedEntry {
  /** Absent of one that was replaced by a reading that is erased. */
  readonly meterId?: string;
  readonly registers?: readonly string[];
}

/**
 * What measured energy is worth and what it was used for: one kilowatt-hour, one claim. Whoever mints, certifies or sells
 * asks here first; each claim is an entry of the log, committed with the balances it changes.
 */
export class EnergyLedger {
  private readonly queue: ClaimQueue;

  constructor(
    private readonly parts: {
      readonly store: EnergyStore;
      readonly journal: Journal;
      readonly clock: { nowMs(): number };
      readonly config: ClaimsConfig;
      /** What a register of a meter credits. */
      readonly classesOf: (meterIds: readonly string[]) => Promise<ClassesOf>;
    },
  ) {
    const { store, config } = parts;
    this.queue = new ClaimQueue({
      commit: (requests) => store.claim(requests, config.minAssurance, this.say),
      config: config.queue,
    });
  }

  /**
   * Claims all lines or none. The same key with the same lines is answered as the first time. Throws `EnergyError`:
   * `energy_not_available` names each interval that is in the way, `key_conflict` a key used for something else.
   */
  async claim(request: ClaimRequest): Promise<Claimed> {
    this.check(request);
    const outcome = await this.queue.submit(request);
    if (outcome.kind === 'claimed') {
      const { entryId, existing } = outcome;
      return { entryId, existing };
    }
    if (outcome.kind === 'key_conflict')
      throw new EnergyError(
        'key_conflict',
        `the key ${request.key} was used for another ${request.purpose}: see entry ${outcome.entryId}`,
      );
    const [first] = outcome.lines;
    throw new EnergyError(
      'energy_not_available',
      `${outcome.lines.length} of the intervals cannot be claimed, the first (${first?.meterId} ${first?.register} ${instant(first?.startsMs ?? 0)}) because of ${first?.code}`,
      outcome.lines,
    );
  }

  /** Promises energy that is not measured yet. Throws `EnergyError`. True when an earlier call had done it. */
  async hold(request: HoldRequest): Promise<boolean> {
    const { key, meterId, startsMs, endsMs, energyUWh } = request;
    const named = isName(key) && isName(meterId);
    if (
      !named ||
      !isInstant(startsMs) ||
      !isInstant(endsMs) ||
      startsMs >= endsMs ||
      energyUWh <= 0n
    )
      throw new EnergyError(
        'hold_invalid',
        'a hold names a key, a meter, an interval that ends after it starts, and more than 0 µWh',
      );
    const { store, config } = this.parts;
    const outcome = await store.hold(request, config.forwardShare);
    if (outcome.kind === 'held') return outcome.existing;
    throw new EnergyError('hold_refused', outcome.detail, [], outcome.code);
  }

  /** Ends a hold: what was promised, and what of it was delivered. */
  async closeHold(key: string, how: 'settle' | 'release'): Promise<StoredHold> {
    const hold = await this.parts.store.closeHold(key, how, this.say);
    if (hold === undefined) throw new EnergyError('hold_unknown', `nothing is held under ${key}`);
    return hold;
  }

  /** Brings the accounts to what these committed readings say. Safe to repeat, in any order. */
  async credit(entries: readonly CommittedReading[]): Promise<void> {
    const { store, classesOf } = this.parts;
    const meterIds = new Set(entries.flatMap(({ meterId }) => meterId ?? []));
    const known = await classesOf([...meterIds]);
    const classes: ClassesOf = (meterId, register) =>
      meterIds.has(meterId) ? known(meterId, register) : [];
    // Most readings of most meters are consumption, and cost nothing here.
    const crediting = entries.filter(
      ({ meterId, registers }) =>
        meterId === undefined ||
        registers?.some((register) => classes(meterId, register).length > 0),
    );
    if (crediting.length > 0) await store.credit(crediting, classes, this.say);
  }

  /** Waits for what is under way; nothing is taken any more. */
  async stop(): Promise<void> {
    await this.queue.stop();
  }

  private check({ purpose, key, lines }: ClaimRequest): void {
    const { maxLines } = this.parts.config;
    if (!Object.hasOwn(PURPOSES, purpose) || purpose === 'forward-sale')
      throw new EnergyError(
        'claim_invalid',
        `"${purpose}" is not a purpose to claim for; a forward sale is claimed by its hold`,
      );
    if (!isName(key))
      throw new EnergyError('claim_invalid', 'a key has 1 to 256 characters without controls');
    if (lines.length === 0 || lines.length > maxLines)
      throw new EnergyError('claim_invalid', `a claim has 1 to ${maxLines} lines`);
    const isLine = ({ meterId, register, startsMs, energyUWh }: ClaimRequest['lines'][number]) =>
      isName(meterId) && isName(register) && isInstant(startsMs) && energyUWh > 0n;
    if (!lines.every(isLine))
      throw new EnergyError(
        'claim_invalid',
        'every line names a meter and a register, and claims more than 0 µWh of an interval',
      );
  }

  private readonly say: SayClaims = (claims, shortfalls = []) => {
    const { journal, clock } = this.parts;
    const atMs = clock.nowMs();
    const at = instant(atMs);
    const said = journal.entries(
      claims.map(({ purpose, key, accountId, lines }) => ({
        type: 'claim',
        format: 'claim/1',
        accountId,
        document: {
          v: 'claim/1',
          purpose,
          key,
          lines: lines.map((line) => ({
            meter: line.meterId,
            register: line.register,
            class: line.class,
            start: instant(line.startsMs),
            end: instant(line.endsMs),
            energy_uwh: String(line.energyUWh),
          })),
          at,
        },
      })),
    );
    return { ...said, events: shortfalls.map((account) => shortfallEvent(account, atMs)) };
  };
}

function shortfallEvent(account: EnergyAccount, atMs: number): Omit<DomainEvent, 'id'> {
  const { meterId, register, startsMs, endsMs, accountId, entryId, shortfallUWh } = account;
  return {
    type: 'energy.shortfall',
    atMs,
    data: {
      account: accountId,
      meter: meterId,
      register,
      class: account.class,
      start: instant(startsMs),
      end: instant(endsMs),
      shortfall_uwh: String(shortfallUWh),
      entry: entryId,
    },
  };
}

/** Whether the database and the log can hold it: one claim that they cannot would fail all that share its transaction. */
function isName(text: string): boolean {
  return /^[^\p{Cc}\p{Cs}]{1,256}$/u.test(text);
}

function isInstant(ms: number): boolean {
  return Number.isInteger(ms) && Math.abs(ms) <= MAX_INSTANT_MS;
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}
