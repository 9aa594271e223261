import type { StoredMeter } from '../devices/meter.store.js';
import type { Journal, Journaled } from '../logs/journal.js';
import { atLeast, type Assurance } from '../logs/verdict.js';
import { RELEASED } from '../quarantine/quarantine.store.js';
import type { Clock, DetectorInputs } from '../spi/index.js';
import type { ActiveDetector } from './active-detector.js';
import type { DetectionConfig } from './detection.config.js';
import { findingOf, flaggedRules, statement } from './finding-document.js';
import type {
  CommittedReading,
  Finding,
  FindingStore,
  Flag,
  RegisterWindow,
} from './finding.store.js';
import { type Inspector, inputsOf } from './inspection.js';
import { Neighbourhood } from './neighbourhood.js';
import { RememberedRegisters } from './remembered-registers.js';

const DAY_MS = 86_400_000;

/** A reading that was stored, as its event tells. */
export interface StoredReadingEvent {
  readonly entryId: string;
  readonly replacesAnother: boolean;
}

type MetersById = (meterId: string) => StoredMeter | undefined;

/**
 * Looks at readings after their commit, beside what their register and its neighbours measured before. What is found is kept,
 * stated in the log, and flags the reading; nothing here refuses or holds one.
 */
export class Detection {
  /** Since the process started. */
  readonly counts = { readings: 0, findings: 0 };
  private readonly remembered: RememberedRegisters;
  private readonly neighbourhood: Neighbourhood;
  private lastRunMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly parts: {
      readonly store: FindingStore;
      readonly detectors: readonly ActiveDetector[];
      readonly inspector: Inspector;
      readonly journal: Journal;
      /** Id of the rules of ingestion. */
      readonly rules: string;
      readonly clock: Clock;
      readonly config: DetectionConfig;
      /** The least that makes a reading hold its interval. */
      readonly minAssurance: Assurance;
      readonly metersOf: (meterIds: readonly string[]) => Promise<MetersById>;
      /** After a pause this long another process may have gone on: what is remembered is not all. */
      readonly staleAfterMs: number;
    },
  ) {
    const { neighbourKm: km, neighbours: most } = parts.config;
    this.neighbourhood = new Neighbourhood({ km, most });
    this.remembered = new RememberedRegisters(
      parts.store,
      { perRegister: parts.config.historyIntervals, inAll: parts.config.rememberedIntervals },
      (key) => this.neighbourhood.remove(key),
    );
  }

  /** Called at each run, also when there is nothing to look at. */
  resume(): void {
    const nowMs = this.parts.clock.nowMs();
    if (nowMs - this.lastRunMs > this.parts.staleAfterMs) this.remembered.forgetAll();
    this.lastRunMs = nowMs;
  }

  /** Histories are read from the store again: something in them is gone. */
  forget(): void {
    this.remembered.forgetAll();
  }

  /** Looks at these readings, in order of time. A second time it finds the same and changes nothing. */
  async inspect(events: readonly StoredReadingEvent[]): Promise<void> {
    const { store, detectors, metersOf } = this.parts;
    if (detectors.length === 0 || events.length === 0) return;
    const readings = [...(await store.readings(events.map(({ entryId }) => entryId)))].sort(
      (a, b) => a.startsMs - b.startsMs || (a.entryId < b.entryId ? -1 : 1),
    );
    const meters = await metersOf([...new Set(readings.map(({ meterId }) => meterId))]);
    const replacing = new Set(
      events.flatMap(({ entryId, replacesAnother }) => (replacesAnother ? [entryId] : [])),
    );
    await this.remember(readings, replacing);
    const findings: Finding[] = [];
    const flags: Flag[] = [];
    for (const reading of readings) {
      const meter = meters(reading.meterId);
      const found = this.lookAt(reading, meter);
      findings.push(...found);
      if (found.length > 0 && reading.verdict === 'accepted') flags.push(this.flag(reading, found));
    }
    this.remembered.trim();
    this.counts.readings += readings.length;
    this.counts.findings += findings.length;
    if (findings.length > 0) await store.keep(findings, flags, this.sayOf(readings));
  }

  private async remember(
    readings: readonly CommittedReading[],
    replacing: ReadonlySet<string>,
  ): Promise<void> {
    const windows = new Map<string, RegisterWindow>();
    for (const reading of readings) {
      if (!this.holdsInterval(reading)) continue;
      const { fingerprint, startsMs, endsMs } = reading;
      for (const { register } of reading.energies) {
        const key = RememberedRegisters.key(fingerprint, register);
        // The interval before it is gone, and so is what is known of it.
        if (replacing.has(reading.entryId)) this.remembered.forget(key);
        const { fromMs, untilMs } = windows.get(key) ?? { fromMs: startsMs, untilMs: endsMs };
        windows.set(key, {
          fingerprint,
          register,
          fromMs: Math.min(fromMs, this.oldest(startsMs)),
          untilMs: Math.max(untilMs, endsMs + 1),
        });
      }
    }
    await this.remembered.load(windows);
  }

  private oldest(startsMs: number): number {
    return startsMs - this.parts.config.historyDays * DAY_MS;
  }

  /** Whether it holds its interval, and says something of what comes after it. */
  private holdsInterval({ verdict, assurance }: CommittedReading): boolean {
    return verdict !== 'quarantined' && atLeast(assurance, this.parts.minAssurance);
  }

  private lookAt(reading: CommittedReading, meter: StoredMeter | undefined): readonly Finding[] {
    if (reading.verdict === 'quarantined') return this.whyHeld(reading, meter);
    if (!this.holdsInterval(reading)) return [];
    const { detectors, inspector } = this.parts;
    const found: Finding[] = [];
    for (const { register, energyUWh } of reading.energies) {
      const key = RememberedRegisters.key(reading.fingerprint, register);
      const inputs = this.inputsOf(reading, meter, { key, register, energyUWh });
      // What somebody looked at and let through is not flagged again.
      for (const active of reading.reason === RELEASED ? [] : detectors) {
        const finding = inspector.ask(active, inputs);
        if (finding !== undefined) found.push(findingOf(active, reading, register, finding));
      }
      if (!reading.estimated) this.remembered.add(key, reading, energyUWh);
      const { location } = inputs.meter;
      if (location !== undefined) this.neighbourhood.add(key, register, location);
    }
    return found;
  }

  /** What held it before its commit, found again: nothing is kept on that way. */
  private whyHeld(reading: CommittedReading, meter: StoredMeter | undefined): readonly Finding[] {
    if (meter === undefined) return [];
    const { detectors, inspector } = this.parts;
    return reading.energies.flatMap(({ register, energyUWh }) => {
      const inputs = inputsOf(meter, { ...reading, register, energyUWh });
      return detectors.flatMap((active) => {
        if (!active.capabilities.canQuarantine) return [];
        const finding = inspector.ask(active, inputs);
        return finding !== undefined &&
          finding.action === 'quarantine' &&
          finding.code === reading.reason
          ? [findingOf(active, reading, register, finding)]
          : [];
      });
    });
  }

  private inputsOf(
    reading: CommittedReading,
    meter: StoredMeter | undefined,
    of: { readonly key: string; readonly register: string; readonly energyUWh: bigint },
  ): DetectorInputs {
    const { startsMs, endsMs, estimated, meterId } = reading;
    const { key, register, energyUWh } = of;
    const history = this.remembered.get(key);
    if (history === undefined) throw new Error(`register ${register} of ${meterId} was not loaded`);
    return inputsOf(
      meter ?? { meterId },
      { register, energyUWh, startsMs, endsMs, estimated },
      {
        history: history.before(startsMs, this.oldest(startsMs)),
        neighbours: () =>
          this.neighbourhood.near(key).flatMap((other) => {
            const near = this.remembered.get(other);
            return near === undefined
              ? []
              : [{ history: near.before(startsMs, this.oldest(startsMs)) }];
          }),
      },
    );
  }

  private flag({ entryId }: CommittedReading, found: readonly Finding[]): Flag {
    const [first] = found as [Finding];
    return { entryId, reason: first.code, ruleSet: flaggedRules(this.parts.rules, found) };
  }

  private sayOf(readings: readonly CommittedReading[]): (fresh: readonly Finding[]) => Journaled {
    const { journal, detectors } = this.parts;
    const byId = new Map(readings.map((reading) => [reading.entryId, reading]));
    const active = new Map(detectors.map((one) => [one.id, one]));
    return (fresh) =>
      journal.entries(
        fresh.map((finding) => {
          const reading = byId.get(finding.entryId) as CommittedReading;
          return {
            type: 'finding',
            format: 'finding/1',
            accountId: reading.accountId,
            document: statement(active.get(finding.detector) as ActiveDetector, reading, finding),
            derivedFrom: [finding.entryId],
          };
        }),
      );
  }
}
