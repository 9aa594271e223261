/** What one client knows of one thing it sent. `unknown`: no answer came, or one that promises nothing. */
export interface ClientRecord {
  /** What identifies the content, as the store knows it: the hex logHash. */
  readonly key: string;
  readonly outcome: 'acknowledged' | 'refused' | 'unknown';
}

export interface HistoryVerdict {
  readonly ok: boolean;
  readonly sent: number;
  readonly acknowledged: number;
  /** Acknowledged and not in the store: the promise that was broken. */
  readonly lost: readonly string[];
  /** In the store more than once, with how often. */
  readonly duplicates: readonly { readonly key: string; readonly times: number }[];
  /** In the store although nobody sent it. */
  readonly unexplained: readonly string[];
  /** Refused at every attempt and in the store all the same. */
  readonly refusedButStored: readonly string[];
  /** Without an acknowledgement, and kept or not: both are allowed. */
  readonly unknownKept: number;
  readonly unknownGone: number;
}

/**
 * Compares what clients were told with what a store holds after crashes, retries and restarts. A key may be
 * sent any number of times; one acknowledgement is enough to oblige the store.
 */
export function checkHistory(
  history: Iterable<ClientRecord>,
  stored: Iterable<string>,
): HistoryVerdict {
  const sent = new Map<string, Set<ClientRecord['outcome']>>();
  for (const { key, outcome } of history) {
    const outcomes = sent.get(key) ?? new Set();
    sent.set(key, outcomes.add(outcome));
  }
  const times = new Map<string, number>();
  for (const key of stored) times.set(key, (times.get(key) ?? 0) + 1);

  const lost: string[] = [];
  const refusedButStored: string[] = [];
  let acknowledged = 0;
  let unknownKept = 0;
  let unknownGone = 0;
  for (const [key, outcomes] of sent) {
    const kept = times.has(key);
    if (outcomes.has('acknowledged')) {
      acknowledged += 1;
      if (!kept) lost.push(key);
    } else if (outcomes.has('unknown')) {
      if (kept) unknownKept += 1;
      else unknownGone += 1;
    } else if (kept) refusedButStored.push(key);
  }
  const duplicates = [...times]
    .filter(([, count]) => count > 1)
    .map(([key, count]) => ({ key, times: count }));
  const unexplained = [...times.keys()].filter((key) => !sent.has(key));
  return {
    ok: [lost, duplicates, unexplained, refusedButStored].every((found) => found.length === 0),
    sent: sent.size,
    acknowledged,
    lost,
    duplicates,
    unexplained,
    refusedButStored,
    unknownKept,
    unknownGone,
  };
}
