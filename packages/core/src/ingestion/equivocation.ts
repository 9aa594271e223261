import { ownerAt } from '../devices/meter-ownership.js';
import { meterEvent } from '../devices/meter-entries.js';
import type { StoredMeter } from '../devices/meter.store.js';
import type { Journal, Journaled } from '../logs/journal.js';

/** A device said two things under one number: nothing of the meter is worth anything until somebody has looked. */
export interface Equivocation {
  readonly meter: StoredMeter;
  /** The later reading, and the one that used its number before. */
  readonly entryId: string;
  readonly rivalId: string;
  /** When the later one was received. */
  readonly atMs: number;
}

/** Says in the log, one entry for each meter, why nothing of it may be minted any more. */
export type SayEquivocations = (found: readonly Equivocation[]) => Journaled;

/** Who says what the gateway decides by itself. */
const GATEWAY = 'gateway';

export function sayEquivocations(journal: Journal, clock: { nowMs(): number }): SayEquivocations {
  return (found) => {
    const said = found.map(({ meter, entryId, rivalId, atMs }) => {
      const { accountId } = ownerAt(meter, clock.nowMs());
      const action = 'meter.minting_suspended';
      const detail = {
        reason: 'sequence_equivocation',
        entry: entryId,
        other: rivalId,
        received_at: new Date(atMs).toISOString(),
      };
      return journal.audit({
        actor: GATEWAY,
        action,
        subject: meter.meterId,
        detail,
        accountId,
        event: meterEvent(action, meter, accountId, detail),
      });
    });
    return {
      rows: said.flatMap(({ rows }) => rows),
      events: said.flatMap(({ events = [] }) => events),
      issue: said[0]!.issue,
    };
  };
}
