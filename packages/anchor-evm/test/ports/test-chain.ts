import { computeAddress, getAddress, Interface, type InterfaceAbi } from 'ethers';
import { EnergyCertificates } from '../../src/artifacts/ports/energy-certificates.js';
import { EnergyToken } from '../../src/artifacts/ports/energy-token.js';
import { Settlement } from '../../src/artifacts/ports/settlement.js';
import { Anvil, type RpcAnswer } from '../anvil/anvil.js';
import { OddReceiver } from './odd/odd-receiver.js';
import { OddToken } from './odd/odd-token.js';
import { OddWallet } from './odd/odd-wallet.js';

/** The contracts of OddContracts.sol. */
export const odd = { OddReceiver, OddToken, OddWallet };

interface Artifact {
  readonly abi: InterfaceAbi;
  readonly bytecode: string;
}

/** A contract on the test chain. */
export class Deployed {
  readonly #interface: Interface;

  constructor(
    private readonly chain: TestChain,
    readonly address: string,
    abi: InterfaceAbi,
  ) {
    this.#interface = new Interface(abi);
  }

  encode(method: string, ...args: readonly unknown[]): string {
    return this.#interface.encodeFunctionData(method, args);
  }

  /** Sends a call in a block of its own; resolves to the gas it used. What reverts throws the name and values of its error. */
  async send(from: string, method: string, ...args: readonly unknown[]): Promise<number> {
    return this.chain.send({ from, to: this.address, data: this.encode(method, ...args) }, this);
  }

  async read(method: string, ...args: readonly unknown[]): Promise<any> {
    const data = this.encode(method, ...args);
    const call = { to: this.address, data };
    const { result } = await this.chain.ask('eth_call', [call, 'latest']);
    return this.#interface.decodeFunctionResult(method, result as string)[0];
  }

  /** `Name(a, b)` of revert data. */
  reason(data: unknown): string | undefined {
    if (typeof data !== 'string' || data === '0x') return undefined;
    const error = this.#interface.parseError(data);
    return error === null ? data : `${error.name}(${error.args.join(', ')})`;
  }
}

/** A node with automatic mining and the contracts of the ports on it. Account 0 owns them, account 1 operates them. */
export class TestChain {
  private constructor(readonly anvil: Anvil) {}

  static async start(): Promise<TestChain> {
    return new TestChain(await Anvil.start({ automine: true, accounts: 20 }));
  }

  account(index: number): string {
    return computeAddress(this.anvil.key(index));
  }

  deploy(artifact: Artifact, ...args: readonly unknown[]): Promise<Deployed> {
    return this.deployFrom(this.account(0), artifact, args);
  }

  async deployPorts() {
    const owner = this.account(0);
    const token = await this.deploy(EnergyToken, owner, 'Energy', 'WH9');
    const certificates = await this.deploy(EnergyCertificates, owner);
    const settlement = await this.deploy(Settlement, owner, token.address);
    for (const contract of [token, certificates, settlement])
      await contract.send(owner, 'setOperator', this.account(1), true);
    return { token, certificates, settlement };
  }

  async send(transaction: object, contract?: Deployed): Promise<number> {
    // anvil mines what reverts, and then nobody learns why.
    const { error } = await this.ask('eth_call', [transaction, 'latest']);
    if (error) throw new Error(contract?.reason(error.data) ?? error.message);
    const answer = await this.ask('eth_sendTransaction', [transaction]);
    const receipt = await this.receipt(String(answer.result));
    if (receipt['status'] !== '0x1') throw new Error('reverted in its block');
    return Number(receipt['gasUsed']);
  }

  async ask(method: string, params: readonly unknown[]): Promise<RpcAnswer> {
    const response = await fetch(this.anvil.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    });
    return (await response.json()) as RpcAnswer;
  }

  /** Blocks are made behind the answer, so it may take a moment to be there. */
  private async receipt(txId: string): Promise<Record<string, unknown>> {
    for (;;) {
      const found = await this.anvil.rpc<Record<string, unknown> | null>(
        'eth_getTransactionReceipt',
        txId,
      );
      if (found !== null) return found;
    }
  }

  stop(): Promise<void> {
    return this.anvil.stop();
  }

  private async deployFrom(from: string, { abi, bytecode }: Artifact, args: readonly unknown[]) {
    const data = bytecode + new Interface(abi).encodeDeploy(args).slice(2);
    const { result, error } = await this.ask('eth_sendTransaction', [{ from, data }]);
    if (error) throw new Error(error.message);
    const { contractAddress } = await this.receipt(String(result));
    return new Deployed(this, getAddress(String(contractAddress)), abi);
  }
}
