import type { Journal } from '../logs/journal.js';
import { changeOf } from './meter-entries.js';
import { MeterError } from './meter-error.js';
import type { MeterStore, StoredMeter } from './meter.store.js';

/** What an operator decides about meters whose energy was frozen by what their device signed. */
export class MintingSuspensions {
  constructor(
    private readonly parts: {
      readonly store: MeterStore;
      readonly journal: Journal;
      readonly clock: { nowMs(): number };
    },
  ) {}

  /** Its energy may be claimed again. Doing it again changes nothing. Throws `MeterError`. */
  async resume(meterId: string, actor: string, reason: string): Promise<StoredMeter> {
    const { store, journal, clock } = this.parts;
    const meter = await store.get(meterId);
    if (meter === undefined) throw new MeterError('meter_not_found', 'Meter not found');
    const { mintingSuspended } = meter;
    if (mintingSuspended === undefined) return meter;
    const cause =
      mintingSuspended.reason === 'chain_fork'
        ? { batch: mintingSuspended.batch }
        : { entry: mintingSuspended.entryId };
    const detail = { reason, ...cause };
    const said = changeOf(meter, clock.nowMs(), actor, 'meter.minting_resumed', detail);
    await store.resumeMinting(meterId, journal.audit(said));
    return (await store.get(meterId)) ?? meter;
  }
}
