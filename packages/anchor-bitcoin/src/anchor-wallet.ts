import * as ecc from '@bitcoinerlab/secp256k1';
import { networks, payments, script, Transaction } from 'bitcoinjs-lib';
import type { Network } from 'bitcoinjs-lib';
import { ECPairFactory } from 'ecpair';
import type { BitcoinNetwork } from './bitcoin.config.js';

const ECPair = ECPairFactory(ecc);

/** Size of one P2WPKH input, an OP_RETURN of 32 bytes and P2WPKH change: 10.5 + 68 + 43 + 31, rounded up. */
export const ANCHOR_VBYTES = 153;
/** Change below this would not be relayed (Bitcoin Core's dust limit for P2WPKH). */
export const DUST_SAT = 294n;
/** Signals replaceability (BIP-125) and leaves lock time enabled. */
const SEQUENCE = 0xff_ff_ff_fd;

export interface Coin {
  readonly txId: string;
  readonly index: number;
  readonly valueSat: bigint;
}

const NETWORKS: Record<BitcoinNetwork, Network> = {
  mainnet: networks.bitcoin,
  testnet: networks.testnet,
  signet: networks.testnet,
  regtest: networks.regtest,
};

/** The one key that pays, and the transactions it makes. */
export class AnchorWallet {
  readonly #pair;
  readonly address: string;
  readonly script: Uint8Array;

  constructor(wif: string, network: BitcoinNetwork) {
    this.#pair = ECPair.fromWIF(wif, NETWORKS[network]);
    const payment = payments.p2wpkh({ pubkey: this.#pair.publicKey, network: NETWORKS[network] });
    this.address = payment.address as string;
    this.script = payment.output as Uint8Array;
  }

  /** Spends the coin into a commitment and change. Deterministic: RFC 6979 nonces, fixed order of outputs. */
  sign(
    coin: Coin,
    digest: Uint8Array,
    feeSat: bigint,
  ): { readonly txId: string; readonly bytes: Uint8Array } {
    const transaction = new Transaction();
    transaction.version = 2;
    transaction.addInput(
      Uint8Array.from(Buffer.from(coin.txId, 'hex')).reverse(),
      coin.index,
      SEQUENCE,
    );
    transaction.addOutput(script.compile([0x6a, digest]), 0n);
    transaction.addOutput(this.script, coin.valueSat - feeSat);
    const scriptCode = payments.p2pkh({ hash: this.script.slice(2) }).output as Uint8Array;
    const hash = transaction.hashForWitnessV0(
      0,
      scriptCode,
      coin.valueSat,
      Transaction.SIGHASH_ALL,
    );
    const signature = script.signature.encode(this.#pair.sign(hash), Transaction.SIGHASH_ALL);
    transaction.setWitness(0, [signature, this.#pair.publicKey]);
    return { txId: transaction.getId(), bytes: transaction.toBuffer() };
  }
}
