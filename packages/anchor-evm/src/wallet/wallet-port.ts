import { AnchorError, type Clock, type WalletPort } from '@wattproof/core/spi';
import { hashMessage, Interface } from 'ethers';
import { checkSignIn, checksummed } from './check-sign-in.js';
import { personalSigner } from './personal-signature.js';

/** What the check of a contract's wallet asks a node. */
export interface ContractReader {
  /** `eth_call` to an address at the newest block; what the contract returns, `0x` when nothing or it reverted. */
  call(to: string, data: string): Promise<string>;
}

export interface WalletPortOptions {
  readonly chainId: bigint;
  readonly clock: Clock;
  /** Without it only keys can log in and contracts (EIP-1271) cannot. */
  readonly contracts?: ContractReader;
}

const EIP_1271 = new Interface(['function isValidSignature(bytes32,bytes) view returns (bytes4)']);
/** What a contract that accepts answers: its own selector, padded to a word. */
const ACCEPTED = `0x1626ba7e${'0'.repeat(56)}`;
/** Longest signature that is handed to a contract. */
const MAX_SIGNATURE_BYTES = 4_096;

/** Sign-In with Ethereum: keys by recovery, contract wallets by asking them. Wallets that are not deployed yet cannot log in. */
export function evmWallet({ chainId, clock, contracts }: WalletPortOptions): WalletPort {
  return {
    chain: `eip155:${chainId}`,
    async verifyLogin({ address, message, signature, challenge }) {
      const expected = { address, chainId, nowMs: clock.nowMs(), ...challenge };
      const account = checksummed(address);
      if (account === undefined || !checkSignIn(message, expected).ok) return false;
      if (personalSigner(message, signature) === account) return true;
      if (contracts === undefined || !isBytes(signature)) return false;
      const data = EIP_1271.encodeFunctionData('isValidSignature', [
        hashMessage(message),
        signature,
      ]);
      try {
        return (await contracts.call(account, data)) === ACCEPTED;
      } catch (cause) {
        const said = cause instanceof Error ? cause.message : String(cause);
        const detail = `whether ${account} is a contract that accepts the signature cannot be asked: ${said}`;
        throw new AnchorError('unavailable', detail, { cause });
      }
    },
  };
}

const isBytes = (text: string): boolean =>
  /^0x(?:[0-9a-fA-F]{2})*$/.test(text) && text.length <= 2 + 2 * MAX_SIGNATURE_BYTES;
