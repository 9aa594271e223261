import type { z } from 'zod';
import {
  defineDetector,
  type Detector,
  type DetectorCapabilities,
  type DetectorFinding,
  type DetectorInputs,
  type JsonObject,
  type Plugin,
} from '../spi/index.js';

/** A detector in two pure steps, so that the second can be repeated by whoever holds what the first came to. */
export interface StatisticDetector<Settings> {
  /** What the decision needs of the inputs; undefined when there is nothing to decide, as with too short a history. */
  measure(inputs: DetectorInputs, settings: Settings): JsonObject | undefined;
  decide(statistic: JsonObject, settings: Settings): Omit<DetectorFinding, 'inputs'> | undefined;
}

/** A detector of core as a plugin. */
export function statisticDetector<Config extends z.ZodType>(options: {
  readonly name: string;
  readonly config: Config;
  readonly capabilities: DetectorCapabilities;
  readonly steps: StatisticDetector<z.output<Config>>;
}): Plugin<'detector', Config> {
  const { name, config, capabilities, steps } = options;
  return defineDetector({
    name,
    config,
    capabilities,
    create: (settings) => inTwoSteps(steps, settings as z.output<Config>),
  });
}

function inTwoSteps<Settings>(steps: StatisticDetector<Settings>, settings: Settings): Detector {
  const found = (statistic: JsonObject): DetectorFinding | undefined => {
    const decision = steps.decide(statistic, settings);
    return decision === undefined ? undefined : { ...decision, inputs: statistic };
  };
  return {
    inspect(inputs) {
      const statistic = steps.measure(inputs, settings);
      return statistic === undefined ? undefined : found(statistic);
    },
    recompute(statistic) {
      try {
        return found(statistic);
      } catch {
        // What is no statistic of this detector leads to no finding.
        return undefined;
      }
    },
  };
}
