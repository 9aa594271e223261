import type { FleetMember } from './fleet.js';
import type { SeededRandom } from './seeded-random.js';
import type { SimulatedInterval } from './simulated-meter.js';

/** Ways to cheat. What is not `cloned` or `clipped` says that more, or at another time, was generated. */
export const CHEATS = [
  /** A tenth more than was generated. */
  'scaled-1.1',
  /** Twice what was generated. */
  'scaled-2',
  /** What was measured a day before. */
  'replay',
  /** What was measured six hours before: generation at a better price. */
  'time-shift',
  /** Generation while the sun is down. */
  'night-pv',
  /** The numbers of another meter, under its own name. */
  'cloned',
  /** A constant amount on top of every interval. */
  'constant-offset',
  /** Import cut off at a limit: a meter that is bypassed. */
  'clipped',
] as const;
export type Cheat = (typeof CHEATS)[number];

/** A share as it is written: `3%` is 0.03. */
export function shareOf(text: string): number {
  const match = /^(\d{1,3}(?:\.\d+)?)%$/.exec(text);
  const share = match === null ? Number.NaN : Number(match[1]) / 100;
  if (!(share <= 1)) throw new Error(`a share is written as 3%, from 0% to 100%, got ${text}`);
  return share;
}

const DAY_MS = 86_400_000;
const SHIFT_MS = 6 * 3_600_000;
/** Of the peak power of the panels. */
const NIGHT_SHARE = 0.3;
const OFFSET_SHARE = 0.05;
/** Above this, import is not seen any more. */
const CLIPPED_W = 200;

/** What a fleet member sends, true or not. */
export interface Teller {
  interval(startsMs: number, endsMs: number): SimulatedInterval;
}

/**
 * A meter that tells the truth until `fromMs` and cheats from then on. Intervals are asked for in time order. `victim`: whose
 * numbers a clone repeats; it has to be asked for the same interval before.
 */
export class Cheater implements Teller {
  private readonly told = new Map<number, SimulatedInterval>();

  constructor(
    private readonly honest: Teller,
    readonly cheat: Cheat,
    private readonly parts: {
      readonly fromMs: number;
      readonly pvPeakW: number;
      readonly random: SeededRandom;
      readonly victim?: Remembering;
    },
  ) {}

  interval(startsMs: number, endsMs: number): SimulatedInterval {
    const truth = this.honest.interval(startsMs, endsMs);
    this.told.set(startsMs, truth);
    this.told.delete(startsMs - 2 * DAY_MS);
    return startsMs < this.parts.fromMs ? truth : this.lie(truth);
  }

  private lie(truth: SimulatedInterval): SimulatedInterval {
    const { pvPeakW, random, victim } = this.parts;
    const { startsMs, endsMs } = truth;
    const hours = (endsMs - startsMs) / 3_600_000;
    const before = (ms: number): SimulatedInterval => this.told.get(startsMs - ms) ?? truth;
    switch (this.cheat) {
      case 'scaled-1.1':
        return generating(truth, Math.round(truth.generationWh * 1.1));
      case 'scaled-2':
        return generating(truth, truth.generationWh * 2);
      case 'replay':
        return { ...before(DAY_MS), startsMs, endsMs };
      case 'time-shift':
        return generating(truth, before(SHIFT_MS).generationWh);
      case 'night-pv':
        return truth.generationWh > 0
          ? truth
          : generating(truth, Math.round(pvPeakW * NIGHT_SHARE * hours * random.between(0.8, 1)));
      case 'constant-offset':
        return generating(truth, truth.generationWh + Math.round(pvPeakW * OFFSET_SHARE * hours));
      case 'clipped':
        return { ...truth, importWh: Math.min(truth.importWh, Math.round(CLIPPED_W * hours)) };
      case 'cloned':
        return { ...(victim?.last ?? truth), startsMs, endsMs };
    }
  }
}

/** Keeps what it said last, for a clone. */
export class Remembering implements Teller {
  last: SimulatedInterval | undefined;

  constructor(private readonly meter: Teller) {}

  interval(startsMs: number, endsMs: number): SimulatedInterval {
    this.last = this.meter.interval(startsMs, endsMs);
    return this.last;
  }
}

/** Other generation; the difference goes out, or less comes in. */
function generating(truth: SimulatedInterval, generationWh: number): SimulatedInterval {
  const net = truth.exportWh - truth.importWh + generationWh - truth.generationWh;
  return {
    ...truth,
    generationWh,
    exportWh: Math.max(0, net),
    importWh: Math.max(0, -net),
  };
}

/** What somebody knows of a fleet member who is in on it. */
export interface LabelledMember extends FleetMember {
  readonly meter: FleetMember['meter'];
  /** Absent: honest. */
  readonly cheat?: Cheat;
  /** The numbers of this meter are sent by another one, too. */
  readonly cloned?: true;
  readonly teller: Teller;
}

/**
 * Makes cheaters of `share` of a fleet, every kind in turn, from `fromMs` on. They are chosen among houses with panels; the
 * same random numbers choose the same ones. Clones repeat the honest house with panels before them.
 */
export function withCheaters(
  fleet: readonly FleetMember[],
  options: { readonly share: number; readonly fromMs: number; readonly random: SeededRandom },
): readonly LabelledMember[] {
  const { share, fromMs, random } = options;
  const solar = fleet.filter(({ meter }) => meter.pvPeakW > 0);
  const wanted = Math.min(solar.length, Math.round(fleet.length * share));
  const chosen = new Map<FleetMember, Cheat>();
  const candidates = [...solar];
  for (let i = 0; i < wanted; i += 1) {
    const [member] = candidates.splice(Math.floor(random.next() * candidates.length), 1);
    if (member !== undefined) chosen.set(member, CHEATS[i % CHEATS.length] as Cheat);
  }
  const victims = solar.filter((member) => !chosen.has(member));
  const clonedBy = new Map<FleetMember, Remembering>();
  const victimOf = new Map<FleetMember, Remembering>();
  for (const [member, cheat] of chosen) {
    if (cheat !== 'cloned') continue;
    const victim = nearest(member, victims, fleet);
    if (victim === undefined) continue;
    const remembering = clonedBy.get(victim) ?? new Remembering(victim.meter);
    clonedBy.set(victim, remembering);
    victimOf.set(member, remembering);
  }
  const labelled = fleet.map((member): LabelledMember => {
    const cheat = chosen.get(member);
    const cloned = clonedBy.get(member);
    if (cheat === undefined)
      return cloned === undefined
        ? { ...member, teller: member.meter }
        : { ...member, teller: cloned, cloned: true };
    const victim = victimOf.get(member);
    const { pvPeakW } = member.meter;
    return {
      ...member,
      cheat,
      teller: new Cheater(member.meter, cheat, {
        fromMs,
        pvPeakW,
        random,
        ...(victim === undefined ? {} : { victim }),
      }),
    };
  });
  // Whoever is copied is asked first.
  return labelled.toSorted((a, b) => Number(a.cheat === 'cloned') - Number(b.cheat === 'cloned'));
}

/** A house of the same town, if there is one: a clone that claims to be elsewhere has another sky. */
function nearest(
  member: FleetMember,
  victims: readonly FleetMember[],
  fleet: readonly FleetMember[],
): FleetMember | undefined {
  const own = fleet.indexOf(member);
  return victims
    .map((victim) => ({
      victim,
      far: Math.abs(victim.meter.latitudeDeg - member.meter.latitudeDeg),
      apart: Math.abs(fleet.indexOf(victim) - own),
    }))
    .sort((a, b) => a.far - b.far || a.apart - b.apart)[0]?.victim;
}
