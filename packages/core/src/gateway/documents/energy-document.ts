import type { AccountStatement, StoredHold } from '../../energy-ledger/energy.store.js';
import { kWhOf } from './kwh.js';

/** The statements of a meter as clients see them; amounts in kWh as decimal strings. */
export function energyDocument(
  meterId: string,
  statements: readonly AccountStatement[],
  holds: readonly StoredHold[],
): object {
  return {
    meter_id: meterId,
    intervals: statements.map((one) => ({
      register: one.register,
      class: one.class,
      start: instant(one.startsMs),
      end: instant(one.endsMs),
      credited_kwh: kWhOf(one.creditedUWh),
      claimed_kwh: kWhOf(one.claimedUWh),
      shortfall_kwh: kWhOf(one.shortfallUWh),
      available_kwh: kWhOf(availableUWh(one)),
      frozen: one.frozen,
      assurance: one.assurance,
      entry: one.entryId,
      claims: one.claims.map(({ purpose, key, energyUWh, entryId }) => ({
        purpose,
        key,
        kwh: kWhOf(energyUWh),
        entry: entryId,
      })),
    })),
    holds: holds.map((hold) => ({
      key: hold.key,
      class: hold.class,
      start: instant(hold.startsMs),
      end: instant(hold.endsMs),
      kwh: kWhOf(hold.energyUWh),
      delivered_kwh: kWhOf(hold.claimedUWh),
    })),
  };
}

function availableUWh({ creditedUWh, claimedUWh, frozen }: AccountStatement): bigint {
  return frozen || claimedUWh > creditedUWh ? 0n : creditedUWh - claimedUWh;
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}
