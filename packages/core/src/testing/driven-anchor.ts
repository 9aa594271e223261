import type { z } from 'zod';
import { AnchoringEngine } from '../anchoring/anchoring-engine.js';
import { anchorPolicySchema } from '../anchoring/anchor-policy.js';
import type { StoredIntent } from '../anchoring/anchor.store.js';
import { anchorIntentId } from '../anchoring/intent-id.js';
import type { Anchor, AnchorCapabilities, Commitment } from '../spi/index.js';
import { openMemoryStore } from '../stores/memory/open-memory-store.js';
import { SUITE_ANCHOR } from './anchor-suite/commitments.js';
import { FakeClock } from './fake-clock.js';
import { silentLogger } from './silent-logger.js';

/** One anchor under the engine, over a store in memory and a clock that moves only here: for what a course of events shows. */
export class DrivenAnchor {
  readonly clock = new FakeClock();
  readonly #store = openMemoryStore({ clock: this.clock });
  readonly #engine: AnchoringEngine;

  /** Intents are those of instance `under-test`. */
  constructor(
    anchor: Anchor,
    capabilities: AnchorCapabilities,
    policy: z.input<typeof anchorPolicySchema>,
  ) {
    const instance = { anchor, capabilities, policy: anchorPolicySchema.parse(policy) };
    this.#engine = new AnchoringEngine({
      store: this.#store.anchors,
      leases: this.#store.leases,
      clock: this.clock,
      logger: silentLogger,
      anchors: new Map([[SUITE_ANCHOR, instance]]),
      holder: 'driven-anchor',
    });
  }

  enqueue(commitment: Commitment): Promise<void> {
    return this.#engine.enqueue(commitment);
  }

  /** One pass, so many milliseconds after the last one. */
  async drive(afterMs = 0): Promise<void> {
    await this.clock.advance(afterMs);
    await this.#engine.drive(SUITE_ANCHOR, new AbortController().signal);
  }

  async intent({ digest, size }: Commitment): Promise<StoredIntent> {
    const found = await this.#store.anchors.intent(anchorIntentId(SUITE_ANCHOR, digest));
    if (!found) throw new Error(`The commitment of size ${size} was not enqueued.`);
    return found;
  }
}
