/**
 * What a store promises when it says "committed". `fsync` survives power loss, `process` survives the
 * death of the process only, `memory` survives nothing.
 */
export const DURABILITY_CLASSES = ['fsync', 'process', 'memory'] as const;
export type DurabilityClass = (typeof DURABILITY_CLASSES)[number];
