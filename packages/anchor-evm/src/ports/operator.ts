import { AnchorError, type LedgerOperation, PortRefusal } from '@wattproof/core/spi';
import { AttemptWatch } from '../attempt-watch.js';
import { type EvmNode, txIdOf } from '../evm-node.js';
import type { EvmSigner } from '../evm-signer.js';
import { disbelieved } from '../evm.errors.js';
import { type GasPrice, gasPrice, weiOf } from '../gas-price.js';
import { list, object, quantity, toQuantity } from '../rpc-values.js';
import type { PortContract } from './port-contract.js';
import type { EvmPortsConfig } from './ports.config.js';

/** A transaction that this process sent and has not seen in a block. */
interface Waiting extends GasPrice {
  readonly txId: string;
  readonly nonce: number;
  readonly data: string;
}

/**
 * The account that operates the ports' contracts. The contracts remember what was done for a key, so nothing is kept here
 * that must survive: whoever asks again, another process too, finds it done, or sends what changes nothing.
 */
export class Operator {
  readonly #watch: AttemptWatch;
  readonly #waiting = new Map<string, Waiting>();
  /** One at a time: the next nonce is counted after the one before has left. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly node: EvmNode,
    private readonly signer: EvmSigner,
    private readonly config: EvmPortsConfig,
  ) {
    this.#watch = new AttemptWatch(node, config.finality);
  }

  /**
   * Has the contract do an operation of a key hash, and never waits for a block: `pending` until one holds it; ask again.
   * What the contract refuses is refused before anything is sent.
   */
  operate(
    contract: PortContract,
    method: string,
    args: readonly [keyHash: string, ...unknown[]],
    signal: AbortSignal,
  ): Promise<LedgerOperation> {
    const turn = this.#turn.then(() => this.#operate(contract, method, args, signal));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #operate(
    contract: PortContract,
    method: string,
    args: readonly [string, ...unknown[]],
    signal: AbortSignal,
  ): Promise<LedgerOperation> {
    const from = await this.signer.address(signal);
    const [fresh] = await contract.ask(method, args, signal, from);
    const name = `${contract.address}/${args[0]}`;
    if (fresh !== true) {
      this.#waiting.delete(name);
      return this.#done(contract, args[0], signal);
    }
    const waiting = this.#waiting.get(name);
    const waits = waiting !== undefined && (await this.#waits(waiting, signal));
    const data = contract.encode(method, args);
    if (waits && waiting.data !== data)
      throw new PortRefusal(
        'key_conflict',
        `The key of this ${method} stands for another request, ${waiting.txId}, which waits for its block.`,
      );
    if (waits && !(await this.#tooCheap(waiting, signal)))
      return { txId: waiting.txId, status: 'pending', existing: true };
    const target = { to: contract.address, data };
    const sent = await this.#send(from, target, waits ? waiting : undefined, signal);
    this.#waiting.set(name, sent);
    return { txId: sent.txId, status: 'pending', existing: waits };
  }

  /** Where the operation that a contract remembers is. */
  async #done(
    contract: PortContract,
    keyHash: string,
    signal: AbortSignal,
  ): Promise<LedgerOperation> {
    const [block] = await contract.ask('operations', [keyHash], signal);
    const { height } = await this.node.head(signal);
    const topics = [contract.topic('OperationDone'), keyHash];
    const logs = async (from: number, to: number) => {
      const range = { fromBlock: toQuantity(from), toBlock: toQuantity(to) };
      const filter = { address: contract.address, topics, ...range };
      return this.node.call('eth_getLogs', [filter], signal, list);
    };
    const at = Number(block);
    // On some rollups a contract is told the block number of layer 1, and the whole range must be searched.
    const [there] = at <= height ? await logs(at, at) : [];
    const found = there ?? (await logs(this.config.ports.fromBlock, height))[0];
    if (found === undefined) throw disbelieved(`nobody did ${keyHash}, which is done`);
    const { transactionHash, blockNumber } = object('a log', found);
    const txId = String(transactionHash).toLowerCase();
    const included = Number(quantity('blockNumber', blockNumber));
    const inclusion = {
      height: included,
      depth: height - included + 1,
      blockHash: '',
      blockTimeMs: 0,
    };
    const final = await this.#watch.final(inclusion, signal);
    return { txId, status: final ? 'final' : 'included', existing: true };
  }

  async #waits({ txId, nonce }: Waiting, signal: AbortSignal): Promise<boolean> {
    if ((await this.node.transaction(txId, signal)) === undefined) return false;
    return (await this.node.nonce(await this.signer.address(signal), 'latest', signal)) <= nonce;
  }

  async #tooCheap({ maxFee }: Waiting, signal: AbortSignal): Promise<boolean> {
    return (await this.node.head(signal)).baseFee > maxFee;
  }

  async #send(
    from: string,
    target: { readonly to: string; readonly data: string },
    replaced: Waiting | undefined,
    signal: AbortSignal,
  ): Promise<Waiting> {
    const { chainId, maxFeeGwei, maxPriorityFeeGwei, priorityFeeGwei } = this.config;
    const { maxGas } = this.config.ports;
    const gas = await this.node.gas({ from, ...target }, signal);
    if (gas > BigInt(maxGas))
      throw new AnchorError(
        'capped',
        `This operation may take ${gas} gas, ports.maxGas is ${maxGas}. Look at the contracts it calls: a receiver, a payment token.`,
      );
    const suggested = () => this.node.call('eth_maxPriorityFeePerGas', [], signal, quantity);
    const { baseFee } = await this.node.head(signal);
    const tip = priorityFeeGwei === undefined ? await suggested() : weiOf(priorityFeeGwei);
    const limits = { maxFee: weiOf(maxFeeGwei), tip: weiOf(maxPriorityFeeGwei) };
    const price = gasPrice({ baseFee, tip }, 0, replaced ? [replaced] : [], limits);
    const balance = await this.node.balance(from, signal);
    if (balance < gas * price.maxFee)
      throw new AnchorError(
        'insufficient-funds',
        `Operator ${from} has ${balance} wei on chain ${chainId}; this operation may cost ${gas * price.maxFee}. Send funds to it.`,
      );
    const nonce = replaced?.nonce ?? (await this.node.nonce(from, 'pending', signal));
    const signed = await this.signer.sign({ chainId, nonce, ...target, gas, ...price }, signal);
    const txId = txIdOf(signed);
    await this.node.send(signed, txId, signal);
    return { txId, nonce, data: target.data, ...price };
  }
}
