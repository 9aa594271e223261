import type { KeyRecovery, SequenceGaps } from '../../devices/key.store.js';
import type { MeterKey } from '../../devices/meter.store.js';

/** A recovery as its owner and the admins see it. */
export function recoveryDocument(recovery: KeyRecovery): object {
  const { key } = recovery;
  return {
    recovery_id: recovery.id,
    meter_id: recovery.meterId,
    account_id: recovery.accountId,
    state: recovery.state,
    key_id: key.keyId,
    alg: key.alg,
    public_key: Buffer.from(key.publicKey).toString('base64'),
    reason: recovery.reason,
    asked_by: recovery.askedBy,
    asked_at: instant(recovery.askedAtMs),
    expires_at: instant(recovery.expiresAtMs),
    decided_by: recovery.decidedBy ?? null,
    decided_at: instant(recovery.decidedAtMs),
  };
}

/** Missing sequence numbers of one key. Numbers are decimal strings: they may exceed what a double holds. */
export function sequenceGapsDocument(
  { keyId, epoch }: MeterKey,
  { lowest, highest, seen, items, more }: SequenceGaps,
  window: bigint | undefined,
): object {
  const span = lowest === undefined || highest === undefined ? 0n : highest - lowest + 1n;
  const last = items.at(-1);
  return {
    key_id: keyId,
    epoch,
    lowest: lowest === undefined ? null : String(lowest),
    highest: highest === undefined ? null : String(highest),
    seen: String(seen),
    missing: String(span - seen),
    gaps: items.map((gap) => ({
      first: String(gap.first),
      last: String(gap.last),
      count: String(gap.last - gap.first + 1n),
      // Whether what is missing would still be taken without somebody looking at it.
      late: window !== undefined && highest !== undefined && gap.last < highest - window,
    })),
    behind: more && last !== undefined ? String(last.last) : null,
  };
}

function instant(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
