import type { ActiveDetector } from '../detectors/active-detector.js';
import { DetectionConfig } from '../detectors/detection.config.js';
import { Detection } from '../detectors/detection.js';
import type { CommittedReading, Finding, FindingStore } from '../detectors/finding.store.js';
import { Inspector } from '../detectors/inspection.js';
import { preCommitInspection } from '../detectors/pre-commit.js';
import type { StoredMeter } from '../devices/meter.store.js';
import { Journal } from '../logs/journal.js';
import {
  type Cheat,
  CHEATS,
  createFleet,
  type LabelledMember,
  LONGITUDE_DEG,
  SeededRandom,
  withCheaters,
} from '../simulator/index.js';
import { nativeSha256 } from '../hashing/native-hashing.js';
import { silentLogger } from '../gateway/gateway-options.js';

const DAY_MS = 86_400_000;
const UWH_PER_WH = 1_000_000n;
/** First day of every run, in a spring: days grow, as they do for honest meters. */
const STARTS_MS = Date.parse('2026-03-02T00:00:00Z');
/** Degrees north of the towns a fleet stands in. */
export const TOWNS = [41.9, 45.5, 47.7, 50.1, 52.5];

export interface TableOptions {
  readonly meters: number;
  readonly days: number;
  readonly seed: number;
  /** How many towns the fleet stands in: neighbours are of the same. */
  readonly towns: number;
  /** Share of the fleet that cheats. */
  readonly share: number;
  /** Day on which cheating begins, counted from 0. */
  readonly fromDay: number;
  readonly intervalMs: number;
  /** At most one of them quarantines: what is held is counted as its. */
  readonly detectors: readonly ActiveDetector[];
}

/** What one detector found in meters of one kind: `honest`, or a way to cheat. */
export interface TableCell {
  readonly meters: number;
  /** With at least one finding. */
  readonly metersFound: number;
  readonly meterDays: number;
  readonly meterDaysFound: number;
  readonly readings: number;
  readonly readingsFound: number;
  readonly readingsHeld: number;
}

export type DetectorTable = ReadonlyMap<string, ReadonlyMap<Cheat | 'honest', TableCell>>;

/**
 * Runs a labelled fleet past detectors as a gateway would, without one: held readings are no history. Honest meters count for
 * as long as cheaters cheat; meters that were cloned count as neither. The same options give the same table.
 */
export async function detectorTable(options: TableOptions): Promise<DetectorTable> {
  const { meters: size, seed, towns, share, days, fromDay, intervalMs, detectors } = options;
  const fromMs = STARTS_MS + fromDay * DAY_MS;
  const members = withCheaters(createFleet({ seed, size, towns: TOWNS.slice(0, towns) }), {
    share,
    fromMs,
    random: new SeededRandom(seed).fork('cheaters'),
  });
  const registered = new Map(members.map((member) => [member.meter.meterId, meterOf(member)]));
  const tally = new Tally(members, detectors, { fromMs, days: days - fromDay });
  const store = new OneStep((finding) => tally.flagged(finding));
  const inspector = new Inspector(silentLogger);
  const detection = detectionOver(store, detectors, inspector, (id) => registered.get(id));
  const before = preCommitInspection(detectors, inspector);
  for (let atMs = STARTS_MS; atMs < STARTS_MS + days * DAY_MS; atMs += intervalMs) {
    const readings: CommittedReading[] = [];
    for (const member of members) {
      const reading = readingOf(member, atMs, intervalMs);
      const meter = registered.get(reading.meterId) as StoredMeter;
      tally.sent(reading);
      const hold = before?.inspect({
        format: 'reading/1',
        reading: { ...reading, siteId: '', deviceId: '' },
        meter,
        nowMs: reading.endsMs,
      });
      if (hold === undefined) readings.push(reading);
      else tally.held(reading);
    }
    store.step(readings);
    await detection.inspect(readings.map(({ entryId }) => ({ entryId, replacesAnother: false })));
  }
  return tally.table();
}

function detectionOver(
  store: FindingStore,
  detectors: readonly ActiveDetector[],
  inspector: Inspector,
  meterOfId: (id: string) => StoredMeter | undefined,
): Detection {
  const clock = { nowMs: () => 0 };
  const nothing = new Uint8Array(16);
  return new Detection({
    store,
    detectors,
    inspector,
    // Nothing is stated: the store below keeps no log.
    journal: new Journal({
      canonicalize: () => nothing,
      profile: 'rfc9162',
      ruleSet: '',
      clock,
      random: () => nothing,
      hashing: nativeSha256,
      issue: () => Promise.reject(new Error('no receipts without a log')),
    }),
    rules: '',
    clock,
    config: DetectionConfig.parse({}),
    minAssurance: 'device-signature',
    metersOf: async () => meterOfId,
    staleAfterMs: Number.POSITIVE_INFINITY,
  });
}

/** The readings of one interval, as if they had just been committed. */
class OneStep implements FindingStore {
  private current = new Map<string, CommittedReading>();

  constructor(private readonly heard: (finding: Finding) => void) {}

  step(readings: readonly CommittedReading[]): void {
    this.current = new Map(readings.map((reading) => [reading.entryId, reading]));
  }

  async readings(entryIds: readonly string[]): Promise<readonly CommittedReading[]> {
    return entryIds.flatMap((id) => this.current.get(id) ?? []);
  }

  async history(windows: readonly unknown[]): Promise<readonly []> {
    return windows.map(() => []) as unknown as readonly [];
  }

  async keep(findings: readonly Finding[]): Promise<void> {
    for (const finding of findings) this.heard(finding);
  }

  async of(): Promise<readonly []> {
    return [];
  }
}

function meterOf({ meter }: LabelledMember): StoredMeter {
  const { meterId, ratingW, latitudeDeg: latitude } = meter;
  return {
    meterId,
    ratingW,
    location: { latitude, longitude: LONGITUDE_DEG },
    accountId: 'fleet',
    fingerprint: fingerprintOf(meterId),
    state: 'active',
    keys: [],
    registeredAtMs: STARTS_MS,
  };
}

function fingerprintOf(meterId: string): Uint8Array {
  return nativeSha256(Buffer.from(meterId));
}

function readingOf(member: LabelledMember, atMs: number, intervalMs: number): CommittedReading {
  const { startsMs, endsMs, importWh, exportWh, generationWh } = member.teller.interval(
    atMs,
    atMs + intervalMs,
  );
  const { meterId, pvPeakW } = member.meter;
  const energies = [
    { register: 'import', energyUWh: BigInt(importWh) * UWH_PER_WH },
    ...(pvPeakW === 0
      ? []
      : [
          { register: 'export', energyUWh: BigInt(exportWh) * UWH_PER_WH },
          { register: 'generation', energyUWh: BigInt(generationWh) * UWH_PER_WH },
        ]),
  ];
  const fingerprint = fingerprintOf(meterId);
  return {
    entryId: `${meterId}/${startsMs}`,
    accountId: 'fleet',
    logHash: fingerprint,
    meterId,
    fingerprint,
    startsMs,
    endsMs,
    energies,
    estimated: false,
    verdict: 'accepted',
    assurance: 'device-signature',
  };
}

type Label = Cheat | 'honest';

/** Counts, from the day on which cheating begins. */
class Tally {
  private readonly labels = new Map<string, Label>();
  /** By detector and label: readings, days and meters with a finding, by name. */
  private readonly found = new Map<string, { readings: Set<string>; held: Set<string> }>();
  private readonly sentBy = new Map<Label, number>();

  constructor(
    members: readonly LabelledMember[],
    private readonly detectors: readonly ActiveDetector[],
    private readonly period: { readonly fromMs: number; readonly days: number },
  ) {
    for (const { meter, cheat, cloned } of members)
      if (cloned !== true) this.labels.set(meter.meterId, cheat ?? 'honest');
  }

  sent({ meterId, startsMs }: CommittedReading): void {
    const label = this.labels.get(meterId);
    if (label === undefined || startsMs < this.period.fromMs) return;
    this.sentBy.set(label, (this.sentBy.get(label) ?? 0) + 1);
  }

  flagged({ entryId, detector }: Finding): void {
    this.cell(detector, entryId)?.readings.add(entryId);
  }

  held({ entryId }: CommittedReading): void {
    const hard = this.detectors.find(({ capabilities }) => capabilities.canQuarantine);
    const cell = hard && this.cell(hard.id, entryId);
    cell?.readings.add(entryId);
    cell?.held.add(entryId);
  }

  table(): DetectorTable {
    const labels = [...this.labels.values()];
    const kinds: readonly Label[] = ['honest', ...CHEATS.filter((cheat) => labels.includes(cheat))];
    return new Map(
      this.detectors.map(({ id }) => [
        id,
        new Map(kinds.map((kind) => [kind, this.total(id, kind, labels)])),
      ]),
    );
  }

  private total(detector: string, kind: Label, labels: readonly Label[]): TableCell {
    const meters = labels.filter((label) => label === kind).length;
    const { readings, held } = this.found.get(`${detector} ${kind}`) ?? EMPTY;
    const named = [...readings].map((id) => id.split('/') as [string, string]);
    return {
      meters,
      metersFound: new Set(named.map(([meter]) => meter)).size,
      meterDays: meters * this.period.days,
      meterDaysFound: new Set(
        named.map(([meter, atMs]) => `${meter} ${Math.floor(Number(atMs) / DAY_MS)}`),
      ).size,
      readings: this.sentBy.get(kind) ?? 0,
      readingsFound: readings.size,
      readingsHeld: held.size,
    };
  }

  private cell(detector: string, entryId: string) {
    const [meterId = '', atMs] = entryId.split('/');
    const label = this.labels.get(meterId);
    if (label === undefined || Number(atMs) < this.period.fromMs) return undefined;
    const key = `${detector} ${label}`;
    const cell = this.found.get(key) ?? { readings: new Set<string>(), held: new Set<string>() };
    this.found.set(key, cell);
    return cell;
  }
}

const EMPTY = { readings: new Set<string>(), held: new Set<string>() };
