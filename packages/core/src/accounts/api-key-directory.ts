import type { Clock } from '../spi/index.js';
import type { AccountStore, StoredApiKey } from './account.store.js';

/**
 * API keys in memory, so that a message of somebody who is connected costs no query. What it remembers is dropped when
 * the store's revision moved; it asks for that at most once per `maxStaleMs`. A key revoked by another process is seen to
 * be so within that time, one revoked here at once (`invalidate`).
 */
export class ApiKeyDirectory implements Pick<AccountStore, 'apiKey'> {
  private readonly keys = new Map<string, StoredApiKey>();
  private revision: bigint | undefined;
  private checkedAtMs = Number.NEGATIVE_INFINITY;
  private checking: Promise<void> | undefined;

  constructor(
    private readonly parts: {
      readonly store: Pick<AccountStore, 'apiKey' | 'keyRevision'>;
      readonly clock: Clock;
      readonly maxStaleMs: number;
      /** Keys remembered; when full, all are forgotten. */
      readonly entries: number;
    },
  ) {}

  /** The key as it was at most `maxStaleMs` ago. Unknown ids are not remembered: anybody can make them up. */
  async apiKey(id: string): Promise<StoredApiKey | undefined> {
    await this.refresh();
    const known = this.keys.get(id);
    if (known !== undefined) return known;
    const revision = this.revision;
    const found = await this.parts.store.apiKey(id);
    if (found === undefined || revision === undefined || revision !== this.revision) return found;
    if (this.keys.size >= this.parts.entries) this.keys.clear();
    this.keys.set(id, found);
    return found;
  }

  /** Forget everything: a key ended here. */
  invalidate(): void {
    this.revision = undefined;
    this.keys.clear();
  }

  private async refresh(): Promise<void> {
    const { clock, maxStaleMs } = this.parts;
    if (this.revision !== undefined && clock.nowMs() - this.checkedAtMs < maxStaleMs) return;
    this.checking ??= this.check().finally(() => {
      this.checking = undefined;
    });
    await this.checking;
  }

  private async check(): Promise<void> {
    const askedAtMs = this.parts.clock.nowMs();
    const revision = await this.parts.store.keyRevision();
    if (revision !== this.revision) this.keys.clear();
    this.revision = revision;
    this.checkedAtMs = askedAtMs;
  }
}
