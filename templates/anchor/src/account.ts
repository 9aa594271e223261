import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { fromHex, toHex, utf8 } from '@wattproof/core/verify';
import { type Payment, transactionBytes, unsignedText } from './verify/transaction.js';

/** PKCS #8 in front of the 32 bytes of an Ed25519 seed (RFC 8410). */
const PKCS8_ED25519 = fromHex('302e020100300506032b657004220420');

/** The account that pays. Ed25519 signs deterministically, so the same payment is always the same transaction. */
export class Account {
  readonly #key: KeyObject;
  /** The account's name on Tally: its public key in hex. */
  readonly id: string;

  constructor(seed: string) {
    const der = Buffer.concat([PKCS8_ED25519, fromHex(seed)]);
    this.#key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    const spki = createPublicKey(this.#key).export({ format: 'der', type: 'spki' });
    this.id = toHex(spki.subarray(-32));
  }

  sign(payment: Omit<Payment, 'account'>): Uint8Array {
    const unsigned = { ...payment, account: this.id };
    const signature = sign(null, utf8(unsignedText(unsigned)), this.#key);
    return transactionBytes({ ...unsigned, signature: toHex(signature) });
  }
}
