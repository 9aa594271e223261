import type { EntryStore } from '../logs/entry.store.js';
import type { Clock, Logger } from '../spi/index.js';
import type { TreeHashing } from '../verify/tree-hashing.js';
import type { BatchStore, StoredBatch } from './batch.store.js';
import type { BatchingConfig } from './batching.config.js';
import type { CheckpointSigner } from './checkpoint-signer.js';
import { checkContinuity, type LedgerMemory } from './log-continuity.js';
import { LogError } from './log-error.js';
import { buildBatch } from './seal-batch.js';

/** A batch whose checkpoint is signed and stored: what anchors may see. */
export type CheckpointedBatch = StoredBatch & { readonly checkpoint: string };

export interface BatcherParts {
  readonly origin: string;
  readonly config: BatchingConfig;
  readonly batches: BatchStore;
  readonly entries: Pick<EntryStore, 'unsealed'>;
  readonly signer: CheckpointSigner;
  readonly clock: Clock;
  readonly hashing: TreeHashing;
  readonly logger: Logger;
  readonly yieldTurn: () => Promise<void>;
  /** Told of every signed checkpoint, in order of size; idempotent. */
  readonly onCheckpoint: (batch: CheckpointedBatch) => Promise<void>;
}

/** Seals what waits. Several may run over one store; the store's lock on the head keeps them apart. */
export class Batcher {
  #refusal: LogError | undefined;

  constructor(private readonly parts: BatcherParts) {}

  /** Why sealing is refused, or undefined. */
  get refusal(): LogError | undefined {
    return this.#refusal;
  }

  /** How long an entry may wait for its batch. */
  get maxAgeMs(): number {
    return this.parts.config.maxAgeMs;
  }

  /** Compares the store's head with what key and ledgers remember. Sealing is refused from then on when it does not extend them. */
  async checkContinuity(ledger: LedgerMemory | undefined): Promise<void> {
    const { origin, batches, signer, logger } = this.parts;
    try {
      await checkContinuity(origin, batches, { mark: await signer.remembered(), ledger });
      this.#refusal = undefined;
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
      this.#refusal = error;
      logger.error('sealing is refused', { code: error.code, detail: error.message });
    }
  }

  /** Seals now. Undefined when no entry from outside waits. Throws `log_rolled_back`. */
  async flush(): Promise<CheckpointedBatch | undefined> {
    return this.#seal(true);
  }

  /** Seals as long as enough entries wait, or one waits too long. Resolves to the number of batches. */
  async tick(): Promise<number> {
    const { config, entries, clock } = this.parts;
    for (let sealed = 0; ; sealed += 1) {
      const { external, system, oldestReceivedAtMs } = await entries.unsealed();
      const waiting = external + system;
      const ageMs = oldestReceivedAtMs === undefined ? 0 : clock.nowMs() - oldestReceivedAtMs;
      if (waiting === 0 || (waiting < config.maxEntries && ageMs < config.maxAgeMs)) return sealed;
      if ((await this.#seal(false)) === undefined) return sealed;
    }
  }

  /** Signs what was sealed and not yet signed: the repair after a crash between commit and signature. */
  async resume(): Promise<void> {
    this.#assertAllowed();
    for (const batch of await this.parts.batches.unsigned()) await this.#sign(batch);
  }

  async #seal(requireExternal: boolean): Promise<CheckpointedBatch | undefined> {
    this.#assertAllowed();
    const { batches, config, origin, clock, hashing, yieldTurn } = this.parts;
    const sealed = await batches.seal({ maxEntries: config.maxEntries, requireExternal }, (draft) =>
      buildBatch(draft, { origin, sealedAtMs: clock.nowMs(), hashing, yieldTurn }),
    );
    if (sealed === undefined) return undefined;
    // Checkpoints are signed in order of size, so those of other batchers that are still missing come first.
    for (const batch of await batches.unsigned()) {
      if (batch.number < sealed.number) await this.#sign(batch);
    }
    return this.#sign(sealed);
  }

  /** Signs after commit: what never became durable was never signed. */
  async #sign(batch: StoredBatch): Promise<CheckpointedBatch> {
    const { batches, signer, onCheckpoint } = this.parts;
    const note = batch.checkpoint ?? (await this.#note(batch, signer));
    await batches.putCheckpoint(batch.number, note);
    const signed = { ...batch, checkpoint: note };
    await onCheckpoint(signed);
    return signed;
  }

  async #note(batch: StoredBatch, signer: CheckpointSigner): Promise<string> {
    try {
      return await signer.sign(batch.number + 1, batch.logRoot);
    } catch (error) {
      // Another batcher signed a later size meanwhile and with it stored this one's note.
      const stored = (await this.parts.batches.byNumber(batch.number))?.checkpoint;
      if (stored !== undefined) return stored;
      if (error instanceof LogError) this.#refusal = error;
      throw error;
    }
  }

  #assertAllowed(): void {
    if (this.#refusal !== undefined) throw this.#refusal;
  }
}
