import type { HoldOutcome, HoldRequest, StoredHold } from './energy.store.js';
import { overcommitted, type Promised } from './hold-capacity.js';

/** What the store knows when somebody promises energy; nobody changes it meanwhile. */
export interface HoldFacts {
  /** Absent: nobody registered such a meter. */
  readonly meter?: {
    /** Who owns it in all of the delivery interval; absent: nobody does. */
    readonly ownerId?: string;
    readonly state: string;
    readonly mintingSuspended: boolean;
    readonly ratingW?: number;
  };
  /** What the key holds already. */
  readonly known?: StoredHold;
  /** Whether energy of this class is credited in part of the interval. */
  readonly measured: boolean;
  /** Open promises of the same meter and class. */
  readonly open: readonly Promised[];
}

/** Whether energy may be promised, and then for which owner. `share`: of rated power × time, at most. */
export function decideHold(
  request: HoldRequest,
  { meter, known, measured, open }: HoldFacts,
  share: number,
): HoldOutcome | { readonly kind: 'fresh'; readonly ownerId: string } {
  const { key, meterId, accountId } = request;
  if (meter === undefined) return refused('meter_unknown', `there is no meter ${meterId}`);
  const { ownerId, ratingW } = meter;
  if (ownerId === undefined || (accountId !== undefined && ownerId !== accountId))
    return refused('not_owner', `there is no meter ${meterId} of this account in all this time`);
  if (known !== undefined)
    return sameHold(known, request)
      ? { kind: 'held', existing: true }
      : refused('key_conflict', `the key ${key} holds something else`);
  if (meter.state !== 'active') return refused('frozen', `the meter is ${meter.state}`);
  if (meter.mintingSuspended) return refused('frozen', 'minting is suspended');
  if (ratingW === undefined)
    return refused('rating_unknown', 'the meter states no rated power, so nothing can be promised');
  if (measured)
    return refused('already_measured', 'part of this time is measured already: claim it instead');
  const over = overcommitted([...open, request], ratingW, share);
  if (over !== undefined)
    return refused(
      'insufficient',
      `${over.promisedUWh} µWh would be promised from ${over.startsMs} to ${over.endsMs}, where the meter can deliver ${over.deliverableUWh} µWh`,
    );
  return { kind: 'fresh', ownerId };
}

function refused(
  code: Extract<HoldOutcome, { kind: 'refused' }>['code'],
  detail: string,
): HoldOutcome {
  return { kind: 'refused', code, detail };
}

/** Whether a repeated key asks for what it got. */
function sameHold(a: HoldRequest, b: HoldRequest): boolean {
  return (
    a.meterId === b.meterId &&
    a.class === b.class &&
    a.startsMs === b.startsMs &&
    a.endsMs === b.endsMs &&
    a.energyUWh === b.energyUWh
  );
}
