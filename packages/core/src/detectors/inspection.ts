import { directionOf } from '../devices/meter-registers.js';
import type { StoredMeter } from '../devices/meter.store.js';
import type { DetectorFinding, DetectorHistory, DetectorInputs, Logger } from '../spi/index.js';
import { type ActiveDetector, hashOf } from './active-detector.js';
import { levelOf, NO_HISTORY } from './register-history.js';

/** One register of one reading. */
export interface InspectedRegister {
  readonly register: string;
  readonly energyUWh: bigint;
  readonly startsMs: number;
  readonly endsMs: number;
  readonly estimated: boolean;
}

/** What was measured around it. */
export interface Surroundings {
  readonly history: DetectorHistory;
  /** Asked only when a detector looks. */
  readonly neighbours: () => DetectorInputs['neighbours'];
}

const ALONE: Surroundings = { history: NO_HISTORY, neighbours: () => [] };

/** What a detector gets to see. */
export function inputsOf(
  meter: Pick<StoredMeter, 'meterId' | 'location' | 'ratingW' | 'registers'>,
  of: InspectedRegister,
  { history, neighbours }: Surroundings = ALONE,
): DetectorInputs {
  const { meterId, location, ratingW } = meter;
  const { register, energyUWh, startsMs, endsMs, estimated } = of;
  const direction = directionOf(meter, register);
  return {
    meter: {
      meterId,
      ...(ratingW === undefined ? {} : { ratingW }),
      ...(location === undefined || 'zone' in location ? {} : { location }),
    },
    reading: {
      register,
      energyUWh,
      startsMs,
      endsMs,
      estimated,
      level: levelOf(of),
      ...(direction === undefined ? {} : { direction }),
    },
    history,
    get neighbours() {
      return neighbours();
    },
  };
}

/** Asks detectors. One that fails says nothing, and is told of once. */
export class Inspector {
  private readonly failed = new Set<string>();

  constructor(private readonly logger: Logger) {}

  ask(active: ActiveDetector, inputs: DetectorInputs): DetectorFinding | undefined {
    try {
      const finding = active.detector.inspect(inputs);
      // What has no canonical form could not be stated.
      if (finding !== undefined) hashOf(finding.inputs);
      return finding;
    } catch (error) {
      if (!this.failed.has(active.id))
        this.logger.error('a detector failed; readings go on without it', {
          detector: active.id,
          error,
        });
      this.failed.add(active.id);
      return undefined;
    }
  }
}
