/**
 * The two things measured energy is worth. `energy`: the kilowatt-hours themselves, credited by what is delivered
 * (generation or storage discharge), used by sales and by tokens that stand for energy. `attribute`: where they come
 * from, credited by generation alone, used by certificates and by tokens that stand for origin.
 */
export const ENERGY_CLASSES = ['energy', 'attribute'] as const;
export type EnergyClass = (typeof ENERGY_CLASSES)[number];

/** Which way a register counts. Only generation and storage discharge credit anything. */
export const DIRECTIONS = ['generation', 'consumption', 'storage'] as const;
export type Direction = (typeof DIRECTIONS)[number];

/** What a register of this direction credits, unless its meter was registered saying less. */
export const CREDITS: Readonly<Record<Direction, readonly EnergyClass[]>> = {
  generation: ['energy', 'attribute'],
  storage: ['energy'],
  consumption: [],
};

/**
 * What energy can be claimed for, and what each use takes. A bundled sale hands over an existing certificate beside
 * the energy: the attribute was claimed when the certificate was issued.
 */
export const PURPOSES = {
  token: ['energy'],
  certificate: ['attribute'],
  sale: ['energy'],
  'bundled-sale': ['energy'],
  'forward-sale': ['energy'],
  'token-with-origin': ['energy', 'attribute'],
} as const satisfies Readonly<Record<string, readonly EnergyClass[]>>;
export type Purpose = keyof typeof PURPOSES;
