import * as ecc from '@bitcoinerlab/secp256k1';
import { networks } from 'bitcoinjs-lib';
import { ECPairFactory } from 'ecpair';
import { AnchorWallet } from '../../src/anchor-wallet.js';
import type { AddressType, CommitmentPlace } from '../../src/bitcoin.config.js';
import { LocalSigner } from '../../src/local-signer.js';

const ECPair = ECPairFactory(ecc);

/** The WIF of the n-th throw-away key. Anybody can compute it: for regtest only. */
export function regtestKey(index: number): string {
  const secret = new Uint8Array(32).fill(7);
  new DataView(secret.buffer).setUint32(0, index + 1);
  return ECPair.fromPrivateKey(secret, { network: networks.regtest }).toWIF();
}

/** The wallet of the n-th throw-away key. */
export function regtestWallet(
  index: number,
  type: AddressType = 'p2wpkh',
  place: CommitmentPlace = 'op_return',
): AnchorWallet {
  return new AnchorWallet(new LocalSigner(regtestKey(index), 'regtest'), type, 'regtest', place);
}
