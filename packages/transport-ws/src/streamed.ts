/** What clients may subscribe to, each what is theirs to hear. */
export const STREAMED = [
  'reading.*',
  'meter.*',
  'device.*',
  'batch.*',
  'anchor.*',
  'claim.*',
  'energy.*',
  'finding.*',
  'trade.*',
  'certificate.*',
] as const;

const FAMILIES: ReadonlySet<string> = new Set(STREAMED.map((family) => family.slice(0, -1)));

/** Whether a type, or a family of them, is of those. */
export function isStreamed(type: string): boolean {
  return FAMILIES.has(type.slice(0, type.indexOf('.') + 1));
}
