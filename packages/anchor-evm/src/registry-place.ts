import { AnchorError, type Commitment } from '@wattproof/core/spi';
import { Interface } from 'ethers';
import { CheckpointRegistry } from './artifacts/checkpoint-registry.js';
import { rpcBytes } from './block-header-rlp.js';
import type { CommitmentPlace } from './commitment-place.js';
import type { EvmNode } from './evm-node.js';
import { RpcError } from './evm-rpc.js';
import { bytes, list, object, toQuantity } from './rpc-values.js';
import { CHECKPOINT_TOPIC, originHash, sizeSlot } from './verify/checkpoint-words.js';
import { hex, same, word } from './verify/hex.js';

/** Blocks per search for events once a node refuses the whole range at a time; a tenth of the refused one, down to this. */
const LEAST_LOG_RANGE = 1_000;

/** The checkpoint registry. What it holds is asked of its storage, whose slots the evidence reads as well. */
export class RegistryPlace implements CommitmentPlace {
  /** A first entry writes two fresh slots: 70k, and a replacement must not run out of gas where the first did not. */
  readonly leastGas = 80_000n;
  readonly #contract = new Interface(CheckpointRegistry.abi);
  #found = false;

  constructor(
    private readonly node: EvmNode,
    readonly address: string,
    private readonly fromBlock: number,
  ) {}

  target(_sender: string, { origin, size, digest }: Commitment) {
    const data = this.#contract.encodeFunctionData('publish', [originHash(origin), size, digest]);
    return { to: this.address, data };
  }

  async ready(signal: AbortSignal): Promise<void> {
    if (this.#found) return;
    const code = await this.node.code(this.address, signal);
    if (!same(code, rpcBytes(CheckpointRegistry.runtimeBytecode)))
      throw new AnchorError(
        'unavailable',
        code.length === 0
          ? `Chain ${this.node.chainId} has no contract at ${this.address}. Deploy the registry once: gateway setup ID deploy-registry.`
          : `The contract at ${this.address} is not the checkpoint registry of this version. Correct registry, or leave it out.`,
      );
    this.#found = true;
  }

  async admit(sender: string, { origin, size, digest }: Commitment, signal: AbortSignal) {
    const known = await this.newest(sender, origin, signal);
    if (known === undefined || size > known.size) return;
    const what = same(known.digest, digest)
      ? `already holds this checkpoint, and its event is in no block from ${this.fromBlock} on; lower registryFromBlock`
      : `holds size ${known.size} for ${sender}, and a log only grows`;
    throw new AnchorError('rejected', `The registry ${what} (${origin}, size ${size}).`);
  }

  async newest(sender: string, origin: string, signal: AbortSignal) {
    const slot = sizeSlot(rpcBytes(sender), originHash(origin));
    const size = await this.node.storage(this.address, slot, signal);
    if (size === 0n) return undefined;
    const next = BigInt.asUintN(256, slot + 1n);
    return { size, digest: word(await this.node.storage(this.address, next, signal)) };
  }

  async find(sender: string, commitment: Commitment, signal: AbortSignal) {
    const known = await this.newest(sender, commitment.origin, signal);
    if (known === undefined || known.size < commitment.size) return undefined;
    const topics = [
      CHECKPOINT_TOPIC,
      word(rpcBytes(sender)),
      originHash(commitment.origin),
      commitment.digest,
    ].map((topic) => `0x${hex(topic)}`);
    const { height } = await this.node.head(signal);
    let range = height - this.fromBlock + 1;
    for (let to = height; to >= this.fromBlock;) {
      const from = Math.max(this.fromBlock, to - range + 1);
      try {
        const [log] = await this.#logs(from, to, topics, signal);
        if (log !== undefined) return String(log['transactionHash']).toLowerCase();
        to = from - 1;
      } catch (error) {
        // Providers limit the range; which limit, nobody says.
        const refused = error instanceof AnchorError && error.cause instanceof RpcError;
        if (!refused || range <= LEAST_LOG_RANGE) throw error;
        range = Math.max(LEAST_LOG_RANGE, Math.floor(range / 10));
      }
    }
    return undefined;
  }

  /** What `eth_getProof` says of the sender's entry at a block, for evidence. */
  async proof(sender: string, origin: string, height: number, signal: AbortSignal) {
    const slot = sizeSlot(rpcBytes(sender), originHash(origin));
    const slots = [slot, BigInt.asUintN(256, slot + 1n)].map((at) => `0x${hex(word(at))}`);
    const params = [this.address, slots, toQuantity(height)];
    const answer = await this.node.call('eth_getProof', params, signal, object);
    const nodes = (what: unknown): Uint8Array[] =>
      Array.from(list('a proof', what), (node) => bytes('a node', node));
    const [size, digest] = list('storageProof', answer['storageProof']).map((entry) =>
      nodes(object('storageProof', entry)['proof']),
    );
    return { account: nodes(answer['accountProof']), size: size ?? [], digest: digest ?? [] };
  }

  async #logs(from: number, to: number, topics: readonly string[], signal: AbortSignal) {
    const filter = {
      address: this.address,
      topics,
      fromBlock: toQuantity(from),
      toBlock: toQuantity(to),
    };
    const logs = await this.node.call('eth_getLogs', [filter], signal, list);
    return logs.map((log) => object('a log', log)).filter(({ removed }) => removed !== true);
  }
}
