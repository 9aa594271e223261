import type { MeterErrorCode } from './meter-error.js';
import { ownerAt } from './meter-ownership.js';
import type { StoredMeter } from './meter.store.js';

/** An offer of a meter to another account, and what became of it. */
export interface MeterTransfer {
  readonly id: string;
  readonly meterId: string;
  readonly fromAccount: string;
  readonly toAccount: string;
  readonly state: 'offered' | 'accepted' | 'withdrawn' | 'expired';
  /** The first millisecond of the new owner; of an open offer absent: when it is accepted. */
  readonly effectiveAtMs?: number;
  /** From here on it cannot be accepted any more. */
  readonly expiresAtMs: number;
  readonly offeredAtMs: number;
  /** When it was accepted or withdrawn. */
  readonly closedAtMs?: number;
}

export interface AcceptTransfer {
  readonly transferId: string;
  /** Who accepts. */
  readonly accountId: string;
  /** As the new owner calls themselves. */
  readonly owner?: string;
  readonly atMs: number;
}

export interface TransferRefusal {
  readonly kind: 'refused';
  readonly code: Extract<
    MeterErrorCode,
    'meter_not_found' | 'meter_state_conflict' | `transfer_${string}`
  >;
  readonly detail: string;
}

export type TransferOutcome =
  | { readonly kind: 'done'; readonly transfer: MeterTransfer }
  | TransferRefusal;

/** What else is known when a transfer is decided. */
export interface TransferScene {
  readonly meter: StoredMeter | undefined;
  /** The offer that is open on the meter, when there is one. */
  readonly open: MeterTransfer | undefined;
}

/** Whether an open offer has lapsed: by its own term, or because its hand-over would lie in the past. */
export function isExpired({ expiresAtMs, effectiveAtMs }: MeterTransfer, atMs: number): boolean {
  return atMs >= expiresAtMs || (effectiveAtMs !== undefined && effectiveAtMs < atMs);
}

/** Whether the offer can be made; undefined: it can. */
export function refuseOffer(
  { meter, open }: TransferScene,
  offer: MeterTransfer,
): TransferRefusal | undefined {
  if (meter === undefined) return refused('meter_not_found', 'Meter not found');
  const owner = ownerAt(meter, offer.offeredAtMs);
  // Told like a meter that does not exist: it was handed over in the meantime.
  if (owner.accountId !== offer.fromAccount) return refused('meter_not_found', 'Meter not found');
  const state = refuseState(meter);
  if (state !== undefined) return state;
  if (ownerAhead(meter, offer.offeredAtMs))
    return refused(
      'transfer_conflict',
      'a hand-over of this meter lies ahead already; the next one is the new owner’s to offer',
    );
  if (open !== undefined && !isExpired(open, offer.offeredAtMs))
    return refused(
      'transfer_conflict',
      `the meter is offered already, transfer ${open.id}; withdraw that first`,
    );
  return undefined;
}

/**
 * The transfer as it is when accepted, or why it cannot be. `lastStartMs`: the latest start of a reading of this meter;
 * `promisedUntilMs`: the latest end of energy its owner has promised.
 */
export function decideAcceptance(
  { meter }: Pick<TransferScene, 'meter'>,
  transfer: MeterTransfer | undefined,
  { accountId, atMs }: AcceptTransfer,
  known: { readonly lastStartMs?: number; readonly promisedUntilMs?: number },
): TransferOutcome {
  if (transfer === undefined || meter === undefined)
    return refused('transfer_not_found', 'Transfer not found');
  if (transfer.toAccount !== accountId)
    return transfer.fromAccount === accountId
      ? refused('transfer_not_yours', 'only the account it is offered to can accept a meter')
      : refused('transfer_not_found', 'Transfer not found');
  if (transfer.state !== 'offered')
    return refused(
      'transfer_closed',
      `the transfer is ${transfer.state}; nothing is left to accept`,
    );
  if (isExpired(transfer, atMs))
    return refused('transfer_expired', 'the offer has expired; ask for a new one');
  const state = refuseState(meter);
  if (state !== undefined) return state;
  if (ownerAt(meter, atMs).accountId !== transfer.fromAccount || ownerAhead(meter, atMs))
    return refused('transfer_conflict', 'the meter was handed over to somebody else meanwhile');
  // No reading that is stored changes hands, and whoever has the meter had it for a millisecond at least.
  const sinceMs = meter.formerOwners?.at(-1)?.untilMs ?? Number.NEGATIVE_INFINITY;
  const lastStartMs = known.lastStartMs ?? Number.NEGATIVE_INFINITY;
  const firstFree = Math.max(lastStartMs, sinceMs) + 1;
  const effectiveAtMs = transfer.effectiveAtMs ?? Math.max(atMs, firstFree);
  if (effectiveAtMs < firstFree)
    return refused(
      'transfer_conflict',
      lastStartMs < sinceMs
        ? 'the meter has its owner from that millisecond on; offer a later hand-over'
        : `a reading that starts at ${instant(lastStartMs)} is stored already; offer a later hand-over`,
    );
  if (known.promisedUntilMs !== undefined && known.promisedUntilMs > effectiveAtMs)
    return refused(
      'transfer_conflict',
      `energy of this meter is promised until ${instant(known.promisedUntilMs)}; hand it over after that`,
    );
  return {
    kind: 'done',
    transfer: { ...transfer, state: 'accepted', effectiveAtMs, closedAtMs: atMs },
  };
}

/** The meter once a transfer is accepted. */
export function handedOver(
  meter: StoredMeter,
  { toAccount }: MeterTransfer,
  untilMs: number,
  owner: string | undefined,
): StoredMeter {
  const { owner: formerName, formerOwners = [], accountId, ...rest } = meter;
  return {
    ...rest,
    accountId: toAccount,
    ...(owner === undefined ? {} : { owner }),
    formerOwners: [
      ...formerOwners,
      { accountId, ...(formerName === undefined ? {} : { owner: formerName }), untilMs },
    ],
  };
}

function refuseState({ state, mintingSuspended }: StoredMeter): TransferRefusal | undefined {
  // Its energy would stay frozen for somebody who had no part in the reason.
  if (mintingSuspended !== undefined)
    return refused(
      'meter_state_conflict',
      `the meter's energy is frozen (${mintingSuspended.reason}) until an operator lets it go on`,
    );
  if (state === 'active') return undefined;
  return refused('meter_state_conflict', `the meter is ${state}; only an active one changes hands`);
}

function ownerAhead(meter: StoredMeter, atMs: number): boolean {
  return meter.formerOwners?.some(({ untilMs }) => untilMs > atMs) ?? false;
}

function refused(code: TransferRefusal['code'], detail: string): TransferRefusal {
  return { kind: 'refused', code, detail };
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}
