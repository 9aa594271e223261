import { setTimeout as wait } from 'node:timers/promises';
import type { AnchoringEngine, DriveReport } from '../anchoring/index.js';

export const ANCHOR_OPERATIONS = ['retry', 'bump', 'recheck'] as const;
export type AnchorOperation = (typeof ANCHOR_OPERATIONS)[number];

/** Final checkpoints looked at in one pass of a re-check. */
const RECHECK_AT_ONCE = 100;
/** A pass that is under way holds the lease; it is waited for this often, this long. */
const ASK_AGAIN_MS = 100;

/** Another pass over the anchor is under way and did not end in time. */
export class AnchorBusy extends Error {
  override readonly name = 'AnchorBusy';
  readonly code = 'anchor_busy';
  readonly status = 503;

  constructor(anchor: string) {
    super(
      `Another pass over "${anchor}" is under way and has not ended in time. Nothing was done; ask again.`,
    );
  }
}

/** Has the engine do one thing now, under the same lease as its own passes, so beside any number of replicas. */
export async function operateAnchor(
  operation: AnchorOperation,
  anchor: string,
  finals: number,
  engine: AnchoringEngine,
  signal: AbortSignal,
): Promise<Omit<DriveReport, 'driven'>> {
  if (operation !== 'recheck')
    return inTurn(anchor, signal, () => engine[operation](anchor, signal));
  let [open, progressed] = [0, 0];
  while (open < finals) {
    const report = await inTurn(anchor, signal, () =>
      engine.recheckFinals(anchor, RECHECK_AT_ONCE, signal),
    );
    open += report.open;
    progressed += report.progressed;
    if (report.open < RECHECK_AT_ONCE) break;
  }
  return { open, progressed };
}

async function inTurn(
  anchor: string,
  signal: AbortSignal,
  ask: () => Promise<DriveReport>,
): Promise<DriveReport> {
  while (!signal.aborted) {
    const report = await ask();
    if (report.driven) return report;
    await wait(ASK_AGAIN_MS, undefined, { signal }).catch(() => undefined);
  }
  throw new AnchorBusy(anchor);
}
