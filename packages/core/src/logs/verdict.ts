/** What the rules decided about a reading. */
export type Verdict = 'accepted' | 'duplicate' | 'flagged' | 'quarantined' | 'rejected';
/** Verdicts under which an entry is stored. */
export type StoredVerdict = 'accepted' | 'flagged' | 'quarantined';

/** What stands behind a reading, strongest first. */
export const ASSURANCES = [
  'device-signature',
  'transport',
  'reader',
  'import',
  'unsigned',
] as const;
export type Assurance = (typeof ASSURANCES)[number];

/** True when `a` is at least as strong as `b`. */
export function atLeast(a: Assurance, b: Assurance): boolean {
  return ASSURANCES.indexOf(a) <= ASSURANCES.indexOf(b);
}
