import type { IngestRow } from './ingest.store.js';

/** How far apart readings of one meter by two owners must be: exactly as far is far enough. */
const APART_MS = 900_000;

/** Somebody else's reading of the same meter that was there first. */
export interface Contender {
  readonly entryId: string;
  readonly accountId: string;
}

/** A claim to have read a meter that no registration gives an owner. */
export interface Contest {
  readonly fingerprint: Uint8Array;
  /** Who says that it is theirs. */
  readonly claimant: string;
  /** Who is told of it. */
  readonly accountId: string;
  /** Half open: as long as the reading, and at least as long as readings must be apart. */
  readonly startsMs: number;
  readonly endsMs: number;
  /** Whether its energy could be claimed: what cannot never holds back what can. */
  readonly claimable: boolean;
}

/** The wallet a document names, else the account that sent it. Their names never meet. */
export function claimantOf(wallet: string | undefined, account: string): string {
  return wallet === undefined ? `account ${account}` : `wallet ${wallet}`;
}

/** What a row claims against others; undefined when it is the registered owner's, nobody's in particular, or held already. */
export function contestOf({ reading, accountId, verdict }: IngestRow): Contest | undefined {
  if (reading?.claimant === undefined || verdict === 'quarantined') return undefined;
  const { fingerprint, claimant, startsMs, endsMs, occupies: claimable } = reading;
  const from = Math.min(startsMs, endsMs - APART_MS);
  return { fingerprint, claimant, accountId, startsMs: from, endsMs, claimable };
}

/** Whether `first`, of the same meter, holds back what came later. */
export function holdsBack(
  first: Omit<Contest, 'fingerprint'>,
  later: Omit<Contest, 'fingerprint'>,
): boolean {
  return (
    first.claimant !== later.claimant &&
    (first.claimable || !later.claimable) &&
    first.startsMs < later.endsMs &&
    later.startsMs < first.endsMs
  );
}

/** The later reading, kept until somebody says whose meter it is. */
export function heldBack(row: IngestRow): IngestRow {
  return { ...row, verdict: 'quarantined', reason: 'cross_owner_duplicate' };
}
