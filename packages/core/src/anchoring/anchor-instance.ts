import type { Anchor, AnchorCapabilities, Commitment } from '../spi/index.js';
import { toHex } from '../verify/bytes.js';
import type { AnchorPolicy } from './anchor-policy.js';

/** One configured anchor, as the engine drives it. */
export interface AnchorInstance {
  readonly anchor: Anchor;
  readonly capabilities: AnchorCapabilities;
  readonly policy: AnchorPolicy;
}

/** The configuration names no such anchor. */
export class UnknownAnchor extends Error {
  override readonly name = 'UnknownAnchor';
  readonly code = 'unknown_anchor';

  constructor(id: string, known: Iterable<string>) {
    super(`There is no anchor "${id}". Configured: ${[...known].join(', ') || 'none'}.`);
  }
}

/** A guarded move found another state than the one just read: somebody else drives this anchor. */
export class AnchorStateMoved extends Error {
  override readonly name = 'AnchorStateMoved';
  readonly code = 'anchor_state_moved';

  constructor(what: string, from: string, to: string) {
    super(
      `${what} was no longer "${from}" when it was to become "${to}". The next pass reads it again.`,
    );
  }
}

/** Two roots of one size: the log was rolled back or forked, and publishing the second would prove it. */
export class CheckpointConflict extends Error {
  override readonly name = 'CheckpointConflict';
  readonly code = 'checkpoint_conflict';

  constructor(wanted: Commitment, known: Commitment) {
    super(
      `"${wanted.origin}" already has root ${toHex(known.root)} at size ${known.size}; root ${toHex(wanted.root)} is not published. Find out which history is the true one before sealing goes on.`,
    );
  }
}
