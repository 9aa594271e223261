import type { Carry, ImportedReading } from '../../imports/index.js';
import type { Collections } from '../../spi/index.js';

const STATE_KEY = 'source';
/** Gaps remembered; the oldest are forgotten first. */
const MAX_GAPS = 1_000;

/** A time for which a source had nothing, and is asked again. */
export interface Gap {
  readonly fromMs: number;
  readonly toMs: number;
}

/** What a source remembers between two questions. */
export interface SourceState {
  /** Readings up to here are committed, or pending. */
  readonly readToMs: number;
  readonly carry: Carry;
  /** Oldest first. */
  readonly gaps: readonly Gap[];
  /** The source asked to be left alone until then. */
  readonly waitUntilMs?: number;
  /** Not known to be committed: whatever breaks in between, the same ones are handed in again. */
  readonly pending?: readonly ImportedReading[];
}

/** The state of one source in its collection, as whoever reads it now knows it. */
export class SourceMemory {
  private version = 0;

  constructor(private readonly collections: Pick<Collections, 'get' | 'put'>) {}

  async read(): Promise<SourceState | undefined> {
    const found = await this.collections.get('state', STATE_KEY);
    this.version = found?.version ?? 0;
    return found?.value as unknown as SourceState | undefined;
  }

  /** Throws `CollectionConflict` when another replica has read on since. */
  async keep(state: SourceState): Promise<SourceState> {
    const value = JSON.parse(JSON.stringify(state)) as Record<string, never>;
    this.version = await this.collections.put('state', STATE_KEY, value, this.version);
    return state;
  }
}

/** Longest wait that a source can ask for: a day. */
export const MAX_WAIT_MS = 86_400_000;

/** Whether the source asked to be left alone; not for longer than it can ask for, should the clock have been set back. */
export function isWaiting({ waitUntilMs = 0 }: SourceState, nowMs: number): boolean {
  return waitUntilMs > nowMs && waitUntilMs <= nowMs + MAX_WAIT_MS;
}

/** As it can have been up to now: a clock that ran ahead and was set back must not make the source wait for it. */
export function upTo(nowMs: number, state: SourceState): SourceState {
  if (state.readToMs <= nowMs) return state;
  const registers = Object.entries(state.carry.registers).filter(([, { atMs }]) => atMs <= nowMs);
  return { ...state, readToMs: nowMs, carry: { registers: Object.fromEntries(registers) } };
}

/**
 * The gaps after a time was asked for: what of it, and of the gaps before, some meter's readings do not cover. Nothing older than
 * `sinceMs`. `covered`: the intervals that were read, of each meter.
 */
export function gapsAfter(
  before: readonly Gap[],
  asked: Gap,
  covered: readonly (readonly Gap[])[],
  sinceMs: number,
): readonly Gap[] {
  const wanted = joined([...before, asked]);
  const left = covered.flatMap((ofMeter) => {
    const read = joined(ofMeter);
    return wanted.flatMap((gap) => without(gap, read));
  });
  return joined(left)
    .filter(({ toMs }) => toMs > sinceMs)
    .slice(-MAX_GAPS);
}

/** `covered` in order, none touching another. */
function without(gap: Gap, covered: readonly Gap[]): readonly Gap[] {
  const left: Gap[] = [];
  let { fromMs } = gap;
  for (const one of covered) {
    if (one.toMs <= fromMs || one.fromMs >= gap.toMs) continue;
    if (one.fromMs > fromMs) left.push({ fromMs, toMs: one.fromMs });
    fromMs = one.toMs;
  }
  if (fromMs < gap.toMs) left.push({ fromMs, toMs: gap.toMs });
  return left;
}

/** The same time in order, with nothing touching. */
function joined(times: readonly Gap[]): readonly Gap[] {
  const whole: Gap[] = [];
  for (const one of times.toSorted((a, b) => a.fromMs - b.fromMs)) {
    const last = whole.at(-1);
    if (one.fromMs >= one.toMs) continue;
    if (last === undefined || one.fromMs > last.toMs) whole.push(one);
    else whole[whole.length - 1] = { ...last, toMs: Math.max(last.toMs, one.toMs) };
  }
  return whole;
}
