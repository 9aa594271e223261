/** How a request to a device is written. */
export const COMMAND_SHAPES = ['command', 'los-tecnicos-lock', 'los-tecnicos-unlock'] as const;
export type CommandShape = (typeof COMMAND_SHAPES)[number];
