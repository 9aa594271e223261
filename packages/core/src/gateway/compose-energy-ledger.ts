import type { MeterDirectory } from '../devices/meter-directory.js';
import { creditsOf } from '../devices/meter-registers.js';
import { type CommittedReading, EnergyLedger } from '../energy-ledger/energy-ledger.js';
import type { Subscribers } from '../events/subscribers.js';
import type { Journal } from '../logs/journal.js';
import type { GatewayConfig } from '../plugins/index.js';
import type { Clock, DomainEvent } from '../spi/index.js';
import type { Store } from '../stores/store.js';

/** Readings that count, and those that may have replaced one that did. */
const CREDITING = ['reading.accepted', 'reading.flagged'] as const;

/** The energy ledger, credited by every committed reading. */
export function composeEnergyLedger(parts: {
  readonly config: GatewayConfig;
  readonly store: Store;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly directory: MeterDirectory;
  readonly subscribers: Subscribers;
}): EnergyLedger {
  const { config, store, clock, journal, directory, subscribers } = parts;
  const ledger = new EnergyLedger({
    store: store.energy,
    journal,
    clock,
    config: config.claims,
    async classesOf(meterIds) {
      await directory.refresh();
      await directory.load(meterIds, []);
      const meters = new Map(
        meterIds.map((id) => [id, directory.peekMeter(id) ?? undefined] as const),
      );
      return (meterId, register) => creditsOf(meters.get(meterId), register);
    },
  });
  subscribers.subscribeMany('core/energy-ledger', CREDITING, (events) =>
    ledger.credit(events.flatMap(readingsOf)),
  );
  return ledger;
}

function readingsOf({ data }: DomainEvent): readonly CommittedReading[] {
  const { entry, meter, registers, supersedes, erased, replaced } = data as unknown as {
    readonly entry: string;
    readonly meter: string;
    readonly registers: readonly string[];
    readonly supersedes?: string;
    readonly erased?: boolean;
    /** Id of what an erased reading had replaced. */
    readonly replaced?: string;
  };
  if (erased === true) return replaced === undefined ? [] : [{ entryId: replaced }];
  return [
    {
      entryId: entry,
      meterId: meter,
      registers,
      ...(supersedes === undefined ? {} : { supersedes }),
    },
  ];
}
