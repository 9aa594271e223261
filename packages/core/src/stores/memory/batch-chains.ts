import type {
  BatchChainStore,
  ChainedBatch,
  ChainFork,
  ChainOutcome,
} from '../../devices/batch-chain.store.js';
import type { StoredMeter } from '../../devices/meter.store.js';
import { overlaps, placeBatch } from '../../devices/place-batch.js';
import type { Journaled } from '../../logs/journal.js';
import { equal, toHex } from '../../verify/bytes.js';
import type { MemoryChanges } from './memory-changes.js';
import type { MemoryMeters } from './meters.js';

export class MemoryBatchChains implements BatchChainStore {
  private readonly chains = new Map<string, ChainedBatch[]>();
  /** By device, epoch and hex hash of the batch that does not stand. */
  private readonly forks = new Map<string, ChainFork>();

  constructor(
    private readonly changes: MemoryChanges,
    private readonly meters: MemoryMeters,
  ) {}

  async extend(batch: ChainedBatch): Promise<ChainOutcome> {
    const chain = this.chain(batch.device, batch.epoch);
    const outcome = placeBatch(batch, chain);
    if (outcome.kind === 'began' || outcome.kind === 'extended') {
      chain.push(batch);
      chain.sort((a, b) => (a.first < b.first ? -1 : 1));
    }
    return outcome;
  }

  noteFork(
    fork: ChainFork,
    say: (meters: readonly StoredMeter[]) => Journaled,
  ): Promise<readonly StoredMeter[]> {
    const { device, epoch, publicKey, hash, receivedAtMs } = fork.batch;
    const batch = toHex(hash);
    const name = `${device} ${epoch} ${batch}`;
    return this.changes.run(async (journal) => {
      if (this.forks.has(name)) return [];
      const suspended = this.meters.mintable(
        (key) => key.epoch === epoch && equal(key.publicKey, publicKey),
      );
      if (suspended.length > 0) await journal(say(suspended));
      this.forks.set(name, fork);
      for (const { meterId } of suspended)
        this.meters.suspendMinting(meterId, { reason: 'chain_fork', batch, atMs: receivedAtMs });
      return suspended;
    });
  }

  async list(
    device: string,
    epoch: number,
    { limit, ...range }: { readonly first: bigint; readonly last: bigint; readonly limit: number },
  ): Promise<readonly ChainedBatch[]> {
    return this.chain(device, epoch)
      .filter((batch) => overlaps(batch, range))
      .slice(0, limit);
  }

  private chain(device: string, epoch: number): ChainedBatch[] {
    const name = `${device} ${epoch}`;
    const known = this.chains.get(name);
    if (known !== undefined) return known;
    const fresh: ChainedBatch[] = [];
    this.chains.set(name, fresh);
    return fresh;
  }
}
