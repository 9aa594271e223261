/** Who a meter, and what it measures, belongs to. */
export interface MeterOwner {
  readonly accountId: string;
  /** As the owner calls themselves. */
  readonly owner?: string;
}

/** An owner before the newest, with the millisecond from which the next one was. */
export interface FormerOwner extends MeterOwner {
  /** Exclusive. */
  readonly untilMs: number;
}

/** The newest owner, and those before in order. A hand-over that lies ahead is told of here already. */
export interface Ownership extends MeterOwner {
  readonly formerOwners?: readonly FormerOwner[];
}

/**
 * Whose the meter is at an instant, exact to the millisecond: a reading belongs to whoever the meter belongs to when its
 * interval starts. The first owner has it for all the time before, as their key speaks for it.
 */
export function ownerAt(meter: Ownership, ms: number): MeterOwner {
  return meter.formerOwners?.find(({ untilMs }) => ms < untilMs) ?? meter;
}

/** Whether the meter is, was, or is about to be this account's. */
export function everOwnedBy(meter: Ownership, accountId: string): boolean {
  return (
    meter.accountId === accountId ||
    (meter.formerOwners?.some((former) => former.accountId === accountId) ?? false)
  );
}

/** A stretch of time a meter was one account's; absent: without bound on that side. */
export interface OwnedSpan extends MeterOwner {
  readonly fromMs?: number;
  /** Exclusive. */
  readonly untilMs?: number;
}

/** Every owner with their time, in order. */
export function ownedSpans({
  accountId,
  owner,
  formerOwners = [],
}: Ownership): readonly OwnedSpan[] {
  const newest: OwnedSpan = { accountId, ...(owner === undefined ? {} : { owner }) };
  return [...formerOwners, newest].map((span, at) => {
    const fromMs = formerOwners[at - 1]?.untilMs;
    return fromMs === undefined ? span : { ...span, fromMs };
  });
}
