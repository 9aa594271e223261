import type { ChainFork } from '../devices/batch-chain.store.js';
import { ownerAt } from '../devices/meter-ownership.js';
import { meterEvent } from '../devices/meter-entries.js';
import type { StoredMeter } from '../devices/meter.store.js';
import type { Journal, Journaled } from '../logs/journal.js';
import { toHex } from '../verify/bytes.js';
import type { JsonObject } from '../verify/contracts.js';
import { chainProofText } from '../verify/envelopes/index.js';

/** A device said two things under one number: nothing of the meter is worth anything until somebody has looked. */
export interface Equivocation {
  readonly meter: StoredMeter;
  /** The later reading, and the one that used its number before. */
  readonly entryId: string;
  readonly rivalId: string;
  /** When the later one was received. */
  readonly atMs: number;
}

/** Says in the log, one entry for each meter, why nothing of it may be minted any more. */
export type SayEquivocations = (found: readonly Equivocation[]) => Journaled;

/** Says in the log, one entry for each meter, that a key signed two batches over the same numbers, with the proof of it. */
export type SayFork = (fork: ChainFork, meters: readonly StoredMeter[]) => Journaled;

/** Who says what the gateway decides by itself. */
const GATEWAY = 'gateway';

export function sayEquivocations(journal: Journal, clock: { nowMs(): number }): SayEquivocations {
  return (found) => {
    const said = found.map(({ meter, entryId, rivalId, atMs }) =>
      suspension(journal, clock.nowMs(), meter, {
        reason: 'sequence_equivocation',
        entry: entryId,
        other: rivalId,
        received_at: new Date(atMs).toISOString(),
      }),
    );
    return together(said);
  };
}

export function sayFork(journal: Journal, clock: { nowMs(): number }): SayFork {
  return ({ batch, rival }, meters) => {
    const { alg, publicKey, hash, receivedAtMs } = batch;
    const detail = {
      reason: 'chain_fork',
      batch: toHex(hash),
      other: toHex(rival.hash),
      received_at: new Date(receivedAtMs).toISOString(),
    };
    // `verifyChain` says of it, to anybody, that the key signed the same numbers twice.
    const evidence = chainProofText({ alg, publicKey, batches: [rival, batch] });
    return together(
      meters.map((meter) => suspension(journal, clock.nowMs(), meter, detail, { evidence })),
    );
  };
}

function suspension(
  journal: Journal,
  nowMs: number,
  meter: StoredMeter,
  detail: JsonObject,
  evidence: JsonObject = {},
): Journaled {
  const { accountId } = ownerAt(meter, nowMs);
  const action = 'meter.minting_suspended';
  return journal.audit({
    actor: GATEWAY,
    action,
    subject: meter.meterId,
    detail: { ...detail, ...evidence },
    accountId,
    event: meterEvent(action, meter, accountId, detail),
  });
}

function together(said: readonly Journaled[]): Journaled {
  return {
    rows: said.flatMap(({ rows }) => rows),
    events: said.flatMap(({ events = [] }) => events),
    issue: said[0]!.issue,
  };
}
