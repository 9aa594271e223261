import type { EntryStore } from '../logs/entry.store.js';
import type { JsonObject } from '../verify/contracts.js';
import type { MeterStore, StoredMeter } from './meter.store.js';
import { replayKeys } from './replay-keys.js';
import { type MeterDifference, meterDifferences, replayMeters } from './replay-meters.js';

const PAGE = 1000;
/** Readings of the table while it is changed again and again. */
const ATTEMPTS = 3;

export interface MeterAuditReport {
  readonly meters: number;
  /** Entries of the log that tell of meters and their keys. */
  readonly entries: number;
  readonly differences: readonly MeterDifference[];
  /** The meters changed while they were compared: what differs may be that. */
  readonly unsettled: boolean;
}

/** Compares the table of meters with what the log's own entries tell of it. */
export class MeterAudit {
  constructor(
    private readonly parts: { readonly meters: MeterStore; readonly entries: EntryStore },
  ) {}

  async compare(): Promise<MeterAuditReport> {
    for (let attempt = 1; ; attempt += 1) {
      const before = await this.parts.meters.revision();
      const stored = await this.allMeters();
      const said = (await this.documents('audit')).filter(
        ({ action }) => typeof action === 'string' && action.startsWith('meter.'),
      );
      const keys = await this.documents('device-key');
      const differences = meterDifferences(stored, replayMeters(said), replayKeys(keys));
      const unsettled = (await this.parts.meters.revision()) !== before;
      if (!unsettled || differences.length === 0 || attempt === ATTEMPTS)
        return {
          meters: stored.length,
          entries: said.length + keys.length,
          differences,
          unsettled,
        };
    }
  }

  private async allMeters(): Promise<readonly StoredMeter[]> {
    const meters: StoredMeter[] = [];
    for (let cursor: string | undefined; ;) {
      const page = await this.parts.meters.list({
        limit: PAGE,
        ...(cursor === undefined ? {} : { cursor }),
      });
      meters.push(...page.items);
      ({ cursor } = page);
      if (cursor === undefined) return meters;
    }
  }

  private async documents(type: string): Promise<readonly JsonObject[]> {
    const documents: JsonObject[] = [];
    for (let cursor: string | undefined; ;) {
      const page = await this.parts.entries.list({
        type,
        source: 'system',
        limit: PAGE,
        ...(cursor === undefined ? {} : { cursor }),
      });
      for (const { bytes } of page.items)
        documents.push(JSON.parse(Buffer.from(bytes).toString()) as JsonObject);
      ({ cursor } = page);
      if (cursor === undefined) return documents;
    }
  }
}
