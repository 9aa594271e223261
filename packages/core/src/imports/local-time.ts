import { RowRefusal } from './import-error.js';

const HOUR_MS = 3_600_000;

/** Whether the runtime knows the zone. */
export function isTimeZone(name: string): boolean {
  try {
    void new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** Instants written as a wall clock of one zone shows them, the hours of changes of the clock included. */
export class LocalTime {
  private readonly format: Intl.DateTimeFormat;

  constructor(private readonly zone: string) {
    this.format = new Intl.DateTimeFormat('en-u-hc-h23', {
      timeZone: zone,
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  }

  /**
   * The instants at which the clock shows `wallMs` (as if it were UTC): both of an hour that comes twice, in their order. Refused: an
   * hour that the clock skips.
   */
  instants(wallMs: number): readonly [number, number?] | RowRefusal {
    if (this.zone === 'UTC') return [wallMs];
    const found = new Set<number>();
    for (const guess of [wallMs - 24 * HOUR_MS, wallMs + 24 * HOUR_MS]) {
      const instant = wallMs - this.offsetMs(guess);
      if (this.offsetMs(instant) === wallMs - instant) found.add(instant);
    }
    const [earlier, later] = [...found].sort((a, b) => a - b);
    if (earlier === undefined)
      return new RowRefusal(
        'time_skipped',
        `the clocks of ${this.zone} never showed this time: they were put forward`,
      );
    return later === undefined ? [earlier] : [earlier, later];
  }

  private offsetMs(instantMs: number): number {
    const part = Object.fromEntries(
      this.format.formatToParts(instantMs).map(({ type, value }) => [type, Number(value)]),
    );
    const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = part;
    return (
      Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(instantMs / 1000) * 1000
    );
  }
}
