import { type Contender, type Contest, holdsBack } from '../../ingestion/cross-owner-rule.js';
import { toHex } from '../../verify/bytes.js';

interface Standing extends Contest {
  readonly entryId: string;
}

/** Claims to have read meters that no registration gives an owner, by hex fingerprint. */
export class Contests {
  readonly #byMeter = new Map<string, Standing[]>();

  /** Who was there before this claim, each claimant once. */
  contenders(contest: Contest, except: string): Contender[] {
    const found = new Map<string, Contender>();
    for (const one of this.#byMeter.get(toHex(contest.fingerprint)) ?? [])
      if (one.entryId !== except && holdsBack(one, contest) && !found.has(one.claimant))
        found.set(one.claimant, { entryId: one.entryId, accountId: one.accountId });
    return [...found.values()];
  }

  add(contest: Contest, entryId: string): void {
    const meter = toHex(contest.fingerprint);
    const others = (this.#byMeter.get(meter) ?? []).filter((one) => one.entryId !== entryId);
    this.#byMeter.set(meter, [...others, { ...contest, entryId }]);
  }

  /** Puts a released claim in the place of those that stand against it. */
  replace(contest: Contest, entryId: string): void {
    const meter = toHex(contest.fingerprint);
    const others = (this.#byMeter.get(meter) ?? []).filter((one) => !holdsBack(contest, one));
    this.#byMeter.set(meter, others);
    this.add(contest, entryId);
  }

  /** Takes over what another collected. */
  addAll(others: Contests): void {
    for (const standing of others.#byMeter.values())
      for (const one of standing) this.add(one, one.entryId);
  }
}
