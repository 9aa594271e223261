import type { Clock } from '../spi/index.js';
import type { DevicesConfig } from './devices.config.js';
import { MeterError } from './meter-error.js';
import { ownedSpans } from './meter-ownership.js';
import { registerNames } from './meter-registers.js';
import type { MeterGap, MeterStore, ReceivedReadings, StoredMeter } from './meter.store.js';

export interface HealthQuery {
  /** Only what is this account's. */
  readonly accountId?: string;
  /** Absent: `devices.health.rangeMs` before `toMs`. */
  readonly fromMs?: number;
  /** Exclusive; absent: now. */
  readonly toMs?: number;
  readonly limit: number;
  readonly cursor?: string;
}

export interface MeterHealthReport extends ReceivedReadings {
  readonly fromMs: number;
  readonly toMs: number;
  /** By register, then time. */
  readonly gaps: readonly (MeterGap & { readonly register: string })[];
  readonly cursor?: string;
}

/** When a meter was last heard of, what became of its readings, and which are missing. */
export class MeterHealth {
  constructor(
    private readonly parts: {
      readonly store: MeterStore;
      readonly clock: Clock;
      readonly config: DevicesConfig['health'];
    },
  ) {}

  /** Throws `MeterError`: `range_invalid`, `cursor_invalid`. */
  async report(meter: StoredMeter, query: HealthQuery): Promise<MeterHealthReport> {
    const { store, clock, config } = this.parts;
    const { accountId, toMs = clock.nowMs(), limit } = query;
    const { fromMs = toMs - config.rangeMs } = query;
    if (fromMs >= toMs || toMs - fromMs > config.maxRangeMs)
      throw new MeterError(
        'range_invalid',
        `"from" must lie before "to", and at most ${config.maxRangeMs} ms`,
      );
    const account = accountId === undefined ? {} : { accountId };
    const received = await store.received({ meterId: meter.meterId, ...account, fromMs, toMs });
    const spans = ownedSpans(meter)
      .filter((span) => accountId === undefined || span.accountId === accountId)
      .map((span) => ({
        fromMs: Math.max(fromMs, span.fromMs ?? fromMs),
        toMs: Math.min(toMs, span.untilMs ?? toMs),
      }))
      .filter((span) => span.fromMs < span.toMs);
    // Nobody is kept from a gap over their own hand-over, who sees both sides.
    const asked = accountId === undefined ? [{ fromMs, toMs }] : spans;
    const gaps = await this.gaps(meter, asked, limit + 1, query.cursor);
    const shown = gaps.slice(0, limit);
    const last = shown.at(-1);
    return {
      ...received,
      fromMs,
      toMs,
      gaps: shown,
      ...(gaps.length > limit && last !== undefined ? { cursor: cursorOf(last) } : {}),
    };
  }

  private async gaps(
    meter: StoredMeter,
    spans: readonly { readonly fromMs: number; readonly toMs: number }[],
    limit: number,
    cursor: string | undefined,
  ): Promise<MeterHealthReport['gaps']> {
    const names = registerNames(meter);
    const behind = cursor === undefined ? undefined : readCursor(cursor, names);
    const found: MeterHealthReport['gaps'][number][] = [];
    for (const register of names.slice(behind?.place ?? 0)) {
      const behindMs = register === behind?.register ? { behindMs: behind.startsMs } : {};
      for (const span of spans) {
        const left = limit - found.length;
        if (left === 0) return found;
        const { fingerprint } = meter;
        const query = { fingerprint, register, ...span, ...behindMs, limit: left };
        for (const gap of await this.parts.store.gaps(query)) found.push({ ...gap, register });
      }
    }
    return found;
  }
}

function cursorOf({ register, startsMs }: { register: string; startsMs: number }): string {
  return `g${startsMs}.${Buffer.from(register, 'utf8').toString('base64url')}`;
}

function readCursor(
  cursor: string,
  names: readonly string[],
): { readonly place: number; readonly register: string; readonly startsMs: number } {
  const [, ms = '', name = ''] = /^g(-?\d{1,15})\.([\w-]*)$/.exec(cursor) ?? [];
  const register = Buffer.from(name, 'base64url').toString('utf8');
  const place = names.indexOf(register);
  if (ms !== '' && place >= 0) return { place, register, startsMs: Number(ms) };
  throw new MeterError(
    'cursor_invalid',
    `"${cursor.slice(0, 64)}" is not a cursor of this list. Start again without one.`,
  );
}
