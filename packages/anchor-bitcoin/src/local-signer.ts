import * as ecc from '@bitcoinerlab/secp256k1';
import { crypto, Psbt } from 'bitcoinjs-lib';
import { ECPairFactory } from 'ecpair';
import { NETWORKS } from './anchor-wallet.js';
import type { BitcoinNetwork } from './bitcoin.config.js';
import type { RemoteSigner } from './remote-signer.js';

const ECPair = ECPairFactory(ecc);
/** A randomised nonce would make other bytes of the same draft each time; BIP-340 allows none. */
const NO_RANDOMNESS = new Uint8Array(32);

/** Signs with a key in this process. Deterministic: RFC 6979 for ECDSA, BIP-340 without auxiliary randomness. */
export class LocalSigner implements RemoteSigner {
  readonly publicKey: Uint8Array;
  readonly #pair;

  /** Throws when the key is of another network; the message never has the key in it. */
  constructor(wif: string, network: BitcoinNetwork) {
    this.#pair = pairOf(wif, network);
    if (!this.#pair.compressed)
      throw new TypeError('"wif" is of an uncompressed key, which segwit does not allow.');
    this.publicKey = Uint8Array.from(this.#pair.publicKey);
  }

  async signPsbt(base64: string): Promise<string> {
    const psbt = Psbt.fromBase64(base64);
    for (const [index, { tapInternalKey, tapMerkleRoot }] of psbt.data.inputs.entries())
      psbt.signInput(index, tapInternalKey ? this.#taprootSigner(tapMerkleRoot) : this.#pair);
    return psbt.toBase64();
  }

  /** The output key is the internal one tweaked by itself and the root of its scripts, if it has any (BIP-341, BIP-86). */
  #taprootSigner(root: Uint8Array = new Uint8Array(0)) {
    const tweak = Uint8Array.of(...this.publicKey.slice(1, 33), ...root);
    const tweaked = this.#pair.tweak(crypto.taggedHash('TapTweak', tweak));
    const secret = tweaked.privateKey as Uint8Array;
    return {
      publicKey: tweaked.publicKey,
      sign: (hash: Uint8Array) => ecc.sign(hash, secret),
      signSchnorr: (hash: Uint8Array) => ecc.signSchnorr(hash, secret, NO_RANDOMNESS),
    };
  }
}

function pairOf(wif: string, network: BitcoinNetwork) {
  let reason: string;
  try {
    return ECPair.fromWIF(wif, NETWORKS[network]);
  } catch (error) {
    reason = (error as Error).message;
  }
  // Without the cause: what refuses a key may quote it.
  throw new TypeError(
    /network version/i.test(reason)
      ? `"wif" is a key of another network than ${network}. Give the key made for ${network}.`
      : '"wif" is not a private key in wallet import format.',
  );
}
