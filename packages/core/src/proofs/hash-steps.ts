import type { StoredBatch } from '../batching/batch.store.js';
import type { HashStep } from '../spi/index.js';
import type { LogPlace } from '../verify/bundle.js';
import { concat } from '../verify/bytes.js';
import { commitmentPrefix } from '../verify/commitment.js';
import type { BatchProfile, Sha256 } from '../verify/contracts.js';
import { positionedPath } from '../verify/inclusion.js';

const NOTHING = new Uint8Array(0);

/** Where an entry stands: in its batch, and its batch in the log. */
export interface EntryPlace {
  readonly batch: Pick<StoredBatch, 'profile' | 'count' | 'number' | 'metadata'>;
  readonly index: number;
  readonly salt: Uint8Array;
  /** Siblings in the batch's tree, leaf to root. */
  readonly path: readonly Uint8Array[];
  readonly place: LogPlace;
  readonly origin: string;
}

/** Everything that is hashed between an entry's logHash and the commitment of the log at `place.size`. */
export function stepsToCommitment(entry: EntryPlace, sha256: Sha256): HashStep[] {
  const { batch, index, salt, path, place, origin } = entry;
  const leaf = { prefix: concat(Uint8Array.of(0), salt), suffix: NOTHING };
  return [
    // A kwh-btc-iot leaf is the logHash itself.
    ...(batch.profile === 'rfc9162' ? [leaf] : []),
    ...pathSteps(batch.profile, index, batch.count, path),
    { prefix: concat(Uint8Array.of(0), sha256(batch.metadata)), suffix: NOTHING },
    ...pathSteps('rfc9162', batch.number, place.size, place.path),
    { prefix: commitmentPrefix(origin, place.size, sha256), suffix: NOTHING },
  ];
}

function pathSteps(
  profile: BatchProfile,
  index: number,
  size: number,
  path: readonly Uint8Array[],
): HashStep[] {
  const head = profile === 'rfc9162' ? Uint8Array.of(1) : NOTHING;
  return positionedPath(profile, index, size, path).map(({ position, hash }) =>
    position === 'left'
      ? { prefix: concat(head, hash), suffix: NOTHING }
      : { prefix: head, suffix: hash },
  );
}
