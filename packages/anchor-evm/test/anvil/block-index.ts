import type { Anvil } from './anvil.js';

interface Transaction {
  readonly hash: string;
  readonly input: string;
  readonly from: string;
}

interface Block {
  readonly number: string;
  readonly hash: string;
  readonly parentHash: string;
  readonly transactions: readonly Transaction[];
}

/** The blocks of the best chain, asked of the node itself and only as far as they are new since the last time. */
export class BlockIndex {
  #blocks: readonly Block[] = [];

  constructor(private readonly anvil: Anvil) {}

  /** Ids of the account's successful transactions whose calldata ends in this digest. */
  async includedWith(digest: Uint8Array, sender: string): Promise<string[]> {
    await this.#catchUp();
    const wanted = Buffer.from(digest).toString('hex');
    const found: string[] = [];
    for (const { transactions } of this.#blocks)
      for (const { hash, input, from } of transactions) {
        if (from !== sender || !input.endsWith(wanted)) continue;
        const { status } = await this.anvil.rpc<{ status: string }>(
          'eth_getTransactionReceipt',
          hash,
        );
        if (status === '0x1') found.push(hash);
      }
    return found;
  }

  async #catchUp(): Promise<void> {
    const fresh: Block[] = [];
    let block = await this.anvil.rpc<Block>('eth_getBlockByNumber', 'latest', true);
    while (this.#blocks[Number(block.number)]?.hash !== block.hash) {
      fresh.unshift(block);
      if (Number(block.number) === 0) return void (this.#blocks = fresh);
      block = await this.anvil.rpc<Block>('eth_getBlockByHash', block.parentHash, true);
    }
    this.#blocks = [...this.#blocks.slice(0, Number(block.number) + 1), ...fresh];
  }
}
