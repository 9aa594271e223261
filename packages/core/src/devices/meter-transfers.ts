import type { Journal, Journaled } from '../logs/journal.js';
import type { Clock } from '../spi/index.js';
import type { JsonObject } from '../verify/contracts.js';
import type { DevicesConfig } from './devices.config.js';
import type { MeterDirectory } from './meter-directory.js';
import { meterEvent } from './meter-entries.js';
import { MeterError } from './meter-error.js';
import { ownerAt } from './meter-ownership.js';
import { problemsOf, TransferAcceptance, TransferOffer } from './meter-registration.js';
import type { MeterTransfer, TransferOutcome } from './meter-transfer.js';
import type { MeterStore } from './meter.store.js';

const ID_BYTES = 16;

/** Who asks: for one account, or, without it, an operator for whoever owns the meter. */
export interface TransferActor {
  readonly actor: string;
  readonly accountId?: string;
}

/** Hands meters over: the owner offers, the new owner accepts, and from one millisecond on the meter is theirs. */
export class MeterTransfers {
  constructor(
    private readonly parts: {
      readonly store: MeterStore;
      readonly directory: MeterDirectory;
      readonly clock: Clock;
      readonly random: (length: number) => Uint8Array;
      readonly config: DevicesConfig;
      readonly journal: Journal;
      /** Whether anybody could accept in this account's name. */
      readonly accountKnown: (accountId: string) => Promise<boolean>;
    },
  ) {}

  /** `body` is the request as parsed JSON. Throws `MeterError`. */
  async offer(
    meterId: string,
    body: unknown,
    { actor, accountId }: TransferActor,
  ): Promise<MeterTransfer> {
    const { store, clock, random, config } = this.parts;
    const parsed = TransferOffer.safeParse(body);
    if (!parsed.success) throw new MeterError('transfer_invalid', problemsOf(parsed.error));
    const { to_account: toAccount, effective_at: effectiveAtMs, expires_at } = parsed.data;
    const nowMs = clock.nowMs();
    const meter = await store.get(meterId);
    const fromAccount = meter && ownerAt(meter, nowMs).accountId;
    if (fromAccount === undefined || (accountId ?? fromAccount) !== fromAccount)
      throw new MeterError('meter_not_found', 'Meter not found');
    if (effectiveAtMs !== undefined && effectiveAtMs < nowMs)
      throw new MeterError('transfer_invalid', 'effective_at: must not lie in the past');
    const expiresAtMs = expires_at ?? nowMs + config.transferTtlMs;
    if (expiresAtMs <= nowMs)
      throw new MeterError('transfer_invalid', 'expires_at: must lie in the future');
    if (toAccount === fromAccount)
      throw new MeterError('transfer_to_self', 'the meter is this account’s already');
    if (!(await this.parts.accountKnown(toAccount)))
      throw new MeterError('account_unknown', 'nobody could accept: there is no such account');
    const offer: MeterTransfer = {
      id: `transfer_${Buffer.from(random(ID_BYTES)).toString('hex')}`,
      meterId,
      fromAccount,
      toAccount,
      state: 'offered',
      ...(effectiveAtMs === undefined ? {} : { effectiveAtMs }),
      expiresAtMs,
      offeredAtMs: nowMs,
    };
    const said = this.said(offer, 'meter.transfer_offered', actor, fromAccount, toAccount, {
      expires_at: instant(expiresAtMs),
    });
    return transferOf(await store.offerTransfer(offer, said));
  }

  /** `by.accountId`: the account that accepts, always its own. Throws `MeterError`. */
  async accept(
    meterId: string,
    body: unknown,
    { actor, accountId }: Required<TransferActor>,
  ): Promise<MeterTransfer> {
    const { store, directory, clock } = this.parts;
    const parsed = TransferAcceptance.safeParse(body);
    if (!parsed.success) throw new MeterError('transfer_invalid', problemsOf(parsed.error));
    const { transfer_id: transferId, owner } = parsed.data;
    const offered = await store.transfer(transferId);
    if (offered?.meterId !== meterId)
      throw new MeterError('transfer_not_found', 'Transfer not found');
    const named = owner === undefined ? {} : { owner };
    const outcome = await store.acceptTransfer(
      { transferId, accountId, ...named, atMs: clock.nowMs() },
      (transfer) =>
        this.said(
          transfer,
          'meter.transfer_accepted',
          actor,
          accountId,
          transfer.fromAccount,
          named,
        ),
    );
    directory.invalidate();
    return transferOf(outcome);
  }

  /** Takes the open offer back, or turns it down. Throws `MeterError`. */
  async withdraw(meterId: string, { actor, accountId }: TransferActor): Promise<MeterTransfer> {
    const { store, clock } = this.parts;
    const { items } = await store.transfers({ meterId, limit: 1 });
    const [open] = items.filter(({ state }) => state === 'offered');
    const own = accountId ?? open?.fromAccount;
    if (open === undefined || (own !== open.fromAccount && own !== open.toAccount))
      throw new MeterError('transfer_not_found', 'Transfer not found');
    const other = own === open.fromAccount ? open.toAccount : open.fromAccount;
    const said = this.said(open, 'meter.transfer_withdrawn', actor, own, other);
    const withdrawn = await store.withdrawTransfer(open.id, clock.nowMs(), said);
    if (withdrawn !== undefined) return withdrawn;
    throw new MeterError('transfer_closed', 'the offer was accepted or withdrawn meanwhile');
  }

  /** Safe to repeat: readings that were under way when their meter changed hands become whose they are. */
  async settle(): Promise<void> {
    const { store, clock, config } = this.parts;
    await store.settleOwners(clock.nowMs() - config.settleOwnersMs);
  }

  /** An entry of `accountId`; `told` hears of it. */
  private said(
    { id, meterId, fromAccount, toAccount, effectiveAtMs }: MeterTransfer,
    action: string,
    actor: string,
    accountId: string,
    told: string,
    more: JsonObject = {},
  ): Journaled {
    const detail = {
      transfer: id,
      from: fromAccount,
      to: toAccount,
      ...(effectiveAtMs === undefined ? {} : { effective_at: instant(effectiveAtMs) }),
      ...more,
    };
    const event = meterEvent(action, { meterId }, told, detail);
    return this.parts.journal.audit({ actor, action, subject: meterId, detail, accountId, event });
  }
}

function transferOf(outcome: TransferOutcome): MeterTransfer {
  if (outcome.kind === 'done') return outcome.transfer;
  throw new MeterError(outcome.code, outcome.detail);
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}
