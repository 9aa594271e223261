import { AnchorError } from '@wattproof/core/spi';
import { computeAddress, decryptKeystoreJson, SigningKey, Transaction } from 'ethers';
import type { EvmConfig } from './evm.config.js';
import { anchorErrorOf } from './evm.errors.js';
import { EvmRpc, type RpcOptions } from './evm-rpc.js';
import { bytes } from './rpc-values.js';

/** A transaction of type 2 (EIP-1559) before it is signed. Amounts are wei. */
export interface UnsignedTransaction {
  readonly chainId: number;
  readonly nonce: number;
  /** With `0x`, lower case, as are all addresses and data here. */
  readonly to: string;
  readonly data: string;
  readonly gas: bigint;
  readonly maxFee: bigint;
  readonly tip: bigint;
  readonly value?: bigint;
}

/** Whoever holds the key of the account that pays: in this process, or elsewhere. */
export interface EvmSigner {
  address(signal: AbortSignal): Promise<string>;
  /** The signed bytes. The same transaction gives the same bytes. */
  sign(transaction: UnsignedTransaction, signal: AbortSignal): Promise<Uint8Array>;
}

/** The signer a configuration names. */
export function signerOf({
  key,
  keystore,
  signer,
}: Pick<EvmConfig, 'key' | 'keystore' | 'signer'>): EvmSigner {
  if (signer !== undefined) return new RemoteSigner(signer, signer.address);
  if (keystore !== undefined) return new KeystoreSigner(keystore.json, keystore.password);
  return new KeySigner(key as string);
}

/** Of all 32 bytes two in 2^128 are no key, zero among them. */
export function isPrivateKey(text: string): boolean {
  try {
    return new KeySigner(text) instanceof KeySigner;
  } catch {
    return false;
  }
}

/** A private key in memory. Signatures are deterministic (RFC 6979). */
export class KeySigner implements EvmSigner {
  readonly #key: SigningKey;
  readonly #address: string;

  constructor(key: string) {
    this.#key = new SigningKey(key.startsWith('0x') ? key : `0x${key}`);
    this.#address = computeAddress(this.#key).toLowerCase();
  }

  async address(): Promise<string> {
    return this.#address;
  }

  async sign(unsigned: UnsignedTransaction): Promise<Uint8Array> {
    const transaction = transactionOf(unsigned);
    transaction.signature = this.#key.sign(transaction.unsignedHash);
    return bytes('the signed transaction', transaction.serialized);
  }
}

/** A key under a password. It takes about a second to open, so it is opened when first needed and kept. */
class KeystoreSigner implements EvmSigner {
  #opened: Promise<KeySigner> | undefined;

  constructor(
    private readonly json: string,
    private readonly password: string,
  ) {}

  async address(): Promise<string> {
    return (await this.#open()).address();
  }

  async sign(transaction: UnsignedTransaction): Promise<Uint8Array> {
    return (await this.#open()).sign(transaction);
  }

  #open(): Promise<KeySigner> {
    this.#opened ??= decryptKeystoreJson(this.json, this.password).then(
      ({ privateKey }) => new KeySigner(privateKey),
      (cause: unknown) => {
        throw new AnchorError(
          'unavailable',
          'The keystore does not open; check keystore.password.',
          {
            cause,
          },
        );
      },
    );
    return this.#opened;
  }
}

/** Asks `eth_signTransaction` of a service that keeps the key, and believes nothing but a signature over what was asked. */
class RemoteSigner implements EvmSigner {
  readonly #rpc: EvmRpc;

  constructor(
    options: RpcOptions,
    private readonly from: string,
  ) {
    this.#rpc = new EvmRpc(options);
  }

  async address(): Promise<string> {
    return this.from;
  }

  async sign(unsigned: UnsignedTransaction, signal: AbortSignal): Promise<Uint8Array> {
    const wanted = transactionOf(unsigned);
    const { maxFeePerGas, maxPriorityFeePerGas } = wanted;
    const request = {
      from: this.from,
      to: unsigned.to,
      data: unsigned.data,
      ...Object.fromEntries(
        Object.entries({
          chainId: unsigned.chainId,
          nonce: unsigned.nonce,
          gas: unsigned.gas,
          value: unsigned.value ?? 0n,
          maxFeePerGas,
          maxPriorityFeePerGas,
        }).map(([name, value]) => [name, `0x${(value as number | bigint).toString(16)}`]),
      ),
    };
    let answer: unknown;
    try {
      answer = await this.#rpc.call('eth_signTransaction', [request], signal);
    } catch (error) {
      throw anchorErrorOf(error);
    }
    const raw =
      typeof answer === 'object' && answer !== null && 'raw' in answer ? answer.raw : answer;
    const signed = bytes('eth_signTransaction', raw);
    const got = readTransaction(raw as string);
    if (got?.unsignedHash !== wanted.unsignedHash || got.from?.toLowerCase() !== this.from)
      throw new AnchorError(
        'unavailable',
        `The signer returned another transaction, or not ${this.from}'s signature. Check signer.url and signer.address.`,
      );
    return signed;
  }
}

function readTransaction(raw: string): Transaction | undefined {
  try {
    return Transaction.from(raw);
  } catch {
    return undefined;
  }
}

export function transactionOf(unsigned: UnsignedTransaction): Transaction {
  const { chainId, nonce, to, data, gas, maxFee, tip, value = 0n } = unsigned;
  return Transaction.from({
    type: 2,
    chainId,
    nonce,
    to,
    data,
    value,
    gasLimit: gas,
    maxFeePerGas: maxFee,
    maxPriorityFeePerGas: tip,
  });
}
