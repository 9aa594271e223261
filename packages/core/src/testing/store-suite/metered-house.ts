import type { StoredMeter } from '../../devices/meter.store.js';
import type { EnergyClass } from '../../energy-ledger/energy-class.js';
import type {
  AcceptedClaim,
  AccountStatement,
  ClaimOutcome,
  ClaimRequest,
} from '../../energy-ledger/energy.store.js';
import type { IngestRow } from '../../ingestion/ingest.store.js';
import type { Journaled } from '../../logs/journal.js';
import type { Store } from '../../stores/store.js';
import { unjournaled } from '../unjournaled.js';
import {
  meterFingerprint,
  QUARTER_MS,
  quarterHours,
  sampleEntry,
  text,
  unique,
} from './sample-rows.js';
import type { StoreScene } from './store-scene.js';

/** Start of the first sample reading. */
export const NOON_MS = 1_750_000_000_000;
export const BOTH = (): readonly EnergyClass[] => ['energy', 'attribute'];

/** A meter of its own with readings of 0.25 kWh each, committed and credited. */
export class MeteredHouse {
  readonly meterId = `energy-meter-${unique()}`;
  readonly accountId = `owner-${unique()}`;
  readonly fingerprint = meterFingerprint();

  constructor(
    readonly scene: StoreScene,
    readonly store: Store,
  ) {}

  readings(count: number, energyUWh = 250_000_000n): IngestRow[] {
    const { meterId, fingerprint, accountId } = this;
    const energies = [{ register: 'generation', energyUWh }];
    return quarterHours(count, { accountId, reading: { meterId, fingerprint, energies } });
  }

  async register(ratingW = 4_000, keys: StoredMeter['keys'] = []): Promise<void> {
    const { meterId, accountId, fingerprint } = this;
    await this.store.meters.register(
      {
        meterId,
        accountId,
        fingerprint,
        state: 'active',
        ratingW,
        keys,
        registeredAtMs: NOON_MS,
      },
      unjournaled,
    );
  }

  async credit(...rows: IngestRow[]): Promise<void> {
    await this.scene.commit(...rows);
    await this.store.energy.credit(
      rows.map(({ id, reading }) => ({
        entryId: id,
        ...(reading?.supersedes === undefined
          ? {}
          : { supersedes: Buffer.from(reading.supersedes).toString('hex') }),
      })),
      BOTH,
      this.say,
    );
  }

  readonly say = (claims: readonly AcceptedClaim[]): Journaled => ({
    rows: claims.map((claim) =>
      sampleEntry({
        source: 'system',
        type: 'claim',
        bytes: text(
          JSON.stringify([claim, unique()], (_, v) => (typeof v === 'bigint' ? `${v}` : v)),
        ),
      }),
    ),
    issue: (given) => this.scene.issue(given),
  });

  claim(
    key: string,
    energyUWh: bigint,
    more: Partial<ClaimRequest> = {},
    quarters: readonly number[] = [0],
  ): ClaimRequest {
    const { meterId } = this;
    const lines = quarters.map((quarter) => ({
      meterId,
      register: 'generation',
      startsMs: NOON_MS + quarter * QUARTER_MS,
      energyUWh,
    }));
    return { purpose: 'token', key, lines, ...more };
  }

  async ask(...requests: ClaimRequest[]): Promise<readonly ClaimOutcome[]> {
    return this.store.energy.claim(requests, 'device-signature', this.say);
  }

  async statements(of: EnergyClass = 'energy'): Promise<readonly AccountStatement[]> {
    const { items } = await this.store.energy.statements({ meterId: this.meterId, limit: 1000 });
    return items.filter((one) => one.class === of);
  }
}
