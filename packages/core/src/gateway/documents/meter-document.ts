import type { MeterHealthReport } from '../../devices/meter-health.js';
import { ownedSpans, ownerAt } from '../../devices/meter-ownership.js';
import { creditsOf } from '../../devices/meter-registers.js';
import type { MeterTransfer } from '../../devices/meter-transfer.js';
import type { StoredMeter } from '../../devices/meter.store.js';

/**
 * A meter as clients see it at an instant. `viewer`: the account that looks; of other owners it learns nothing. Absent: who
 * may see everything.
 */
export function meterDocument(
  meter: StoredMeter,
  at: { readonly nowMs: number; readonly viewer?: string },
): object {
  const { viewer } = at;
  const now = ownerAt(meter, at.nowMs);
  const shown = viewer === undefined || viewer === now.accountId;
  const { nameplate, location, registers, mintingSuspended } = meter;
  return {
    meter_id: meter.meterId,
    device_id: meter.deviceId ?? null,
    site_id: meter.siteId ?? null,
    account_id: shown ? now.accountId : null,
    owner: shown ? (now.owner ?? null) : null,
    owners: ownedSpans(meter)
      .filter(({ accountId }) => viewer === undefined || viewer === accountId)
      .map(({ accountId, owner, fromMs, untilMs }) => ({
        account_id: accountId,
        owner: owner ?? null,
        from: instant(fromMs),
        until: instant(untilMs),
      })),
    fingerprint: Buffer.from(meter.fingerprint).toString('hex'),
    nameplate: nameplate ?? null,
    location: location ?? null,
    state: meter.state,
    minting_suspended:
      mintingSuspended === undefined
        ? null
        : {
            reason: mintingSuspended.reason,
            at: instant(mintingSuspended.atMs),
            ...(mintingSuspended.reason === 'chain_fork'
              ? { batch: mintingSuspended.batch }
              : { entry: shown ? mintingSuspended.entryId : null }),
          },
    rating_w: meter.ratingW ?? null,
    registers:
      registers?.map(({ name, direction }) => ({
        name,
        direction,
        credits: creditsOf(meter, name),
      })) ?? null,
    registered_at: instant(meter.registeredAtMs),
    keys: meter.keys.map((key) => ({
      key_id: key.keyId,
      alg: key.alg,
      public_key: Buffer.from(key.publicKey).toString('base64'),
      epoch: key.epoch,
      valid_from: instant(key.validFromMs),
      valid_to: instant(key.validToMs),
      revoked_at: instant(key.revokedAtMs),
      proof: key.statedBy === undefined ? 'possession' : 'operator',
      // Of an operator's word: when the device first signed a reading.
      ...(key.statedBy === undefined ? {} : { proven_at: instant(key.provenAtMs) }),
    })),
  };
}

export function transferDocument(transfer: MeterTransfer): object {
  return {
    transfer_id: transfer.id,
    meter_id: transfer.meterId,
    from_account: transfer.fromAccount,
    to_account: transfer.toAccount,
    state: transfer.state,
    effective_at: instant(transfer.effectiveAtMs),
    expires_at: instant(transfer.expiresAtMs),
    offered_at: instant(transfer.offeredAtMs),
    closed_at: instant(transfer.closedAtMs),
  };
}

/** `missing`: how many numbers of each key never came; absent: that is not the viewer's. */
export function healthDocument(
  { meterId, state }: StoredMeter,
  report: MeterHealthReport,
  missing?: ReadonlyMap<string, bigint>,
): object {
  const { accepted, flagged, quarantined } = report;
  return {
    meter_id: meterId,
    state,
    from: instant(report.fromMs),
    to: instant(report.toMs),
    last_seen: instant(report.lastReceivedAtMs),
    last_interval_end: instant(report.lastEndsMs),
    readings: { accepted, flagged, quarantined },
    gaps: report.gaps.map(({ register, startsMs, endsMs, missing }) => ({
      register,
      from: instant(startsMs),
      to: instant(endsMs),
      missing,
    })),
    missing_numbers:
      missing === undefined
        ? null
        : [...missing].map(([keyId, count]) => ({ key_id: keyId, missing: String(count) })),
  };
}

function instant(ms: number): string;
function instant(ms: number | undefined): string | null;
function instant(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
