import type { AnchorIntent, Commitment, PluginContext } from '../../spi/index.js';
import { silentLogger } from '../silent-logger.js';
import { anchorIntentId } from '../../anchoring/intent-id.js';
import { commitmentOf } from '../../verify/commitment.js';
import { utf8 } from '../../verify/bytes.js';
import { sha256 } from '../../verify/sha256.js';

/** Instance id under which the suite runs an anchor. */
export const SUITE_ANCHOR = 'under-test';
export const SUITE_ORIGIN = 'suite.example/log';

/** What the suite lends an anchor: no collections, no jobs, no signer. */
export function suitePluginContext(): PluginContext {
  return {
    instanceId: SUITE_ANCHOR,
    origin: SUITE_ORIGIN,
    logger: silentLogger,
    clock: { nowMs: () => 1_700_000_000_000 },
  };
}

/** A commitment of the given size; `variant` makes another root of the same size. */
export function suiteCommitment(size: number, variant = 0): Commitment {
  return commitmentOf(SUITE_ORIGIN, size, sha256(utf8(`root ${size} ${variant}`)));
}

export function suiteIntent(commitment: Commitment): AnchorIntent {
  return {
    id: anchorIntentId(SUITE_ANCHOR, commitment.digest),
    anchor: SUITE_ANCHOR,
    commitment,
    createdAtMs: 1_700_000_000_000,
  };
}
