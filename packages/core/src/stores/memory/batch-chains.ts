import type {
  BatchChainStore,
  ChainedBatch,
  ChainOutcome,
} from '../../devices/batch-chain.store.js';
import { overlaps, placeBatch } from '../../devices/place-batch.js';

export class MemoryBatchChains implements BatchChainStore {
  private readonly chains = new Map<string, ChainedBatch[]>();

  async extend(batch: ChainedBatch): Promise<ChainOutcome> {
    const chain = this.chain(batch.device, batch.epoch);
    const outcome = placeBatch(batch, chain);
    if (outcome.kind === 'began' || outcome.kind === 'extended') {
      chain.push(batch);
      chain.sort((a, b) => (a.first < b.first ? -1 : 1));
    }
    return outcome;
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
