import type { BatchProfile } from '../verify/contracts.js';

export type Lane = 'all' | 'external' | 'system';

/** Under `kwh-btc-iot` what the gateway writes itself never shares a batch with what came from outside. */
export function laneOf(entry: {
  readonly profile: BatchProfile;
  readonly source: 'external' | 'system';
}): Lane {
  return entry.profile === 'kwh-btc-iot' ? entry.source : 'all';
}

/**
 * The profile and lane to seal next: that of the entry that waits longest. When something from outside is
 * required, undefined unless such an entry waits, and then the lane is one that holds it.
 */
export function chooseLane(
  oldestFirst: readonly {
    readonly profile: BatchProfile;
    readonly source: 'external' | 'system';
  }[],
  requireExternal: boolean,
): { readonly profile: BatchProfile; readonly lane: Lane } | undefined {
  const deciding = requireExternal
    ? oldestFirst.find((entry) => entry.source === 'external')
    : oldestFirst[0];
  return deciding === undefined ? undefined : { profile: deciding.profile, lane: laneOf(deciding) };
}
