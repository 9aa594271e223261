import type { Clock, Health } from '../spi/index.js';

/** How long an answer stays good: health is asked by anybody, and a ledger is not to be asked that often. */
const FRESH_MS = 5_000;
/** A part that has not answered by then is not ready. */
const ANSWER_WITHIN_MS = 2_000;

export interface HealthPart {
  /** `store`, `anchor bitcoin`, `transport mqtt`. */
  readonly name: string;
  /** Without it no reading can be made durable; the rest may lag behind without the gateway being unready. */
  readonly essential: boolean;
  check(signal: AbortSignal): Promise<Health>;
}

export interface HealthReport {
  readonly ready: boolean;
  readonly parts: readonly { readonly name: string; readonly health: Health }[];
}

/** Health of every part, asked at most every few seconds however often it is looked at. */
export class HealthBoard {
  private readonly parts: HealthPart[] = [];
  private report: Promise<HealthReport> | undefined;
  private askedAtMs = Number.NEGATIVE_INFINITY;
  /** Set while starting and stopping: then nothing is ready, whatever the parts say. */
  private serving = false;

  constructor(private readonly clock: Clock) {}

  add(part: HealthPart): void {
    this.parts.push(part);
  }

  serve(serving: boolean): void {
    this.serving = serving;
    this.report = undefined;
  }

  all(): Promise<HealthReport> {
    const now = this.clock.nowMs();
    if (this.report === undefined || now - this.askedAtMs >= FRESH_MS) {
      this.askedAtMs = now;
      this.report = this.ask();
    }
    return this.report;
  }

  private async ask(): Promise<HealthReport> {
    const parts = await Promise.all(
      this.parts.map(async (part) => ({
        name: part.name,
        essential: part.essential,
        health: await answered((signal) => part.check(signal)),
      })),
    );
    return {
      ready: this.serving && parts.every(({ essential, health }) => !essential || health.ready),
      parts: parts.map(({ name, health }) => ({ name, health })),
    };
  }
}

async function answered(check: HealthPart['check']): Promise<Health> {
  const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
  const late = new Promise<Health>((resolve) => {
    signal.addEventListener('abort', () => {
      resolve({ live: true, ready: false, detail: `no answer within ${ANSWER_WITHIN_MS} ms` });
    });
  });
  try {
    return await Promise.race([check(signal), late]);
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return { live: true, ready: false, detail };
  }
}
