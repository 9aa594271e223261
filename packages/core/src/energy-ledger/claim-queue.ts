import type { ClaimsConfig } from './claims.config.js';
import { EnergyError } from './energy-error.js';
import type { ClaimOutcome, ClaimRequest } from './energy.store.js';

interface Waiting {
  readonly request: ClaimRequest;
  readonly resolve: (outcome: ClaimOutcome) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Claims that come while others are being committed are committed together: one transaction for many, each answered on
 * its own after commit. One group at a time, since they mostly meet on the same accounts.
 */
export class ClaimQueue {
  private waiting: Waiting[] = [];
  private under: Promise<void> | undefined;
  private stopped = false;

  constructor(
    private readonly parts: {
      readonly commit: (requests: readonly ClaimRequest[]) => Promise<readonly ClaimOutcome[]>;
      readonly config: ClaimsConfig['queue'];
    },
  ) {}

  /** Resolves after commit. Rejects with `EnergyError` (`throttled`) when too many wait, else with the store's error. */
  async submit(request: ClaimRequest): Promise<ClaimOutcome> {
    if (this.stopped || this.waiting.length >= this.parts.config.waiting)
      throw new EnergyError('throttled', 'too many claims wait; nothing was claimed, ask again');
    return new Promise((resolve, reject) => {
      this.waiting.push({ request, resolve, reject });
      this.under ??= this.drain().finally(() => {
        this.under = undefined;
      });
    });
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.under;
  }

  private async drain(): Promise<void> {
    // Those that call in the same turn share the first group.
    await Promise.resolve();
    while (this.waiting.length > 0) await this.commit(this.take());
  }

  private take(): readonly Waiting[] {
    const { groupLines } = this.parts.config;
    let lines = 0;
    let count = 0;
    for (const { request } of this.waiting) {
      lines += request.lines.length;
      if (count > 0 && lines > groupLines) break;
      count += 1;
    }
    return this.waiting.splice(0, count);
  }

  private async commit(group: readonly Waiting[]): Promise<void> {
    try {
      const outcomes = await this.parts.commit(group.map(({ request }) => request));
      group.forEach(({ resolve }, at) => resolve(outcomes[at]!));
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  }
}
