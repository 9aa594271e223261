import { AnchorError, isAnchorError, PortRefusal, type PortRefusalCode } from '@wattproof/core/spi';
import { type ErrorDescription, Interface } from 'ethers';
import type { EvmNode } from '../evm-node.js';
import { RpcError } from '../evm-rpc.js';

/** What the contracts' errors mean to the caller of a port. */
const REFUSALS: Readonly<Record<string, PortRefusalCode>> = {
  KeyConflict: 'key_conflict',
  ERC20InsufficientBalance: 'balance_too_low',
  ERC1155InsufficientBalance: 'balance_too_low',
  ERC20InsufficientAllowance: 'not_authorised',
  ERC1155MissingApprovalForAll: 'not_authorised',
  NotOperator: 'not_authorised',
  CertificateExists: 'certificate_exists',
  CertificateUnknown: 'certificate_unknown',
  ERC20InvalidReceiver: 'request_invalid',
  ERC1155InvalidReceiver: 'request_invalid',
  ReceivedLess: 'request_invalid',
};

const ERC_20 = new Interface(['function balanceOf(address) view returns (uint256)']);

/** One of the ports' contracts, asked through a node. */
export class PortContract {
  readonly #interface: Interface;

  constructor(
    private readonly node: EvmNode,
    readonly address: string,
    abi: string | readonly string[],
  ) {
    this.#interface = new Interface(abi);
  }

  encode(method: string, args: readonly unknown[]): string {
    return this.#interface.encodeFunctionData(method, args);
  }

  topic(event: string): string {
    return this.#interface.getEvent(event)?.topicHash ?? '';
  }

  /** What a call answers now, and would do. A revert that says why is a `PortRefusal`. */
  async ask(
    method: string,
    args: readonly unknown[],
    signal: AbortSignal,
    from?: string,
  ): Promise<readonly unknown[]> {
    const call = { to: this.address, data: this.encode(method, args), ...(from ? { from } : {}) };
    let answer: unknown;
    try {
      answer = await this.node.call('eth_call', [call, 'latest'], signal);
    } catch (error) {
      throw await this.#refusalOf(error, method, signal);
    }
    try {
      return this.#interface.decodeFunctionResult(method, String(answer)).toArray();
    } catch (cause) {
      throw new AnchorError(
        'unavailable',
        `${this.address} on chain ${this.node.chainId} does not answer ${method} as the contract of the port does. Check ports.`,
        { cause },
      );
    }
  }

  async #refusalOf(error: unknown, method: string, signal: AbortSignal): Promise<unknown> {
    const revert = this.#revertOf(error);
    if (revert === undefined) return error;
    const said = `${method}: ${revert.name}(${revert.args.join(', ')})`;
    if (revert.name === 'TransferFailed') {
      const [token, party, value] = revert.args as unknown as [string, string, bigint];
      const contract = new PortContract(this.node, token, ERC_20.formatJson());
      const [balance] = await contract.ask('balanceOf', [party], signal);
      const code = (balance as bigint) < value ? 'balance_too_low' : 'not_authorised';
      return new PortRefusal(code, said, { cause: error });
    }
    const code = REFUSALS[revert.name];
    return code === undefined ? error : new PortRefusal(code, said, { cause: error });
  }

  #revertOf(error: unknown): ErrorDescription | undefined {
    if (!isAnchorError(error) || !(error.cause instanceof RpcError)) return undefined;
    // Some clients put a word before the data.
    const data = /0x[0-9a-f]{8,}$/i.exec(String(error.cause.data))?.[0];
    try {
      return data === undefined ? undefined : (this.#interface.parseError(data) ?? undefined);
    } catch {
      // A contract that was called, such as a receiver, may revert with half of an error.
      return undefined;
    }
  }
}
