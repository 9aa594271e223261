import { z } from 'zod';

/** Section `detection` of the configuration: what detectors get to see. Which they are is the section `detectors`. */
export const DetectionConfig = z.strictObject({
  /** How far back the history of a register goes: five weeks. */
  historyDays: z.number().int().min(1).max(366).default(35),
  /** The most intervals of one register; 35 days of quarter hours. */
  historyIntervals: z.number().int().min(16).max(100_000).default(3_360),
  /** Intervals remembered of all registers together, 32 bytes each; the longest silent register is read again when needed. */
  rememberedIntervals: z.number().int().min(1_000).default(4_000_000),
  /**
   * The most of their time that detectors work while readings come faster than they are looked at: what was found is then told
   * later, and ingestion goes on.
   */
  share: z.number().min(0.01).max(1).default(0.2),
  /** How far a meter is a neighbour. Places are registered to a tenth of a degree. */
  neighbourKm: z.number().positive().max(500).default(15),
  /** The most neighbours a reading is compared with, nearest first. */
  neighbours: z.number().int().min(1).max(200).default(20),
});
export type DetectionConfig = z.infer<typeof DetectionConfig>;
