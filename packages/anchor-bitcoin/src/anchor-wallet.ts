import * as ecc from '@bitcoinerlab/secp256k1';
import { AnchorError } from '@wattproof/core/spi';
import { address, initEccLib, networks, payments, Psbt, script, Transaction } from 'bitcoinjs-lib';
import type { Network } from 'bitcoinjs-lib';
import type { AddressType, BitcoinNetwork, CommitmentPlace } from './bitcoin.config.js';
import type { RemoteSigner } from './remote-signer.js';
import { commitmentRoot } from './verify/taproot-output.js';

// Schnorr and taproot come from outside of bitcoinjs-lib.
initEccLib(ecc);

/** Signals replaceability (BIP-125) and leaves lock time enabled. */
const SEQUENCE = 0xff_ff_ff_fd;

export interface Coin {
  readonly txId: string;
  readonly index: number;
  readonly valueSat: bigint;
  /** The commitment its key is tweaked with; left out: it is at the wallet's own address. */
  readonly committed?: Uint8Array;
}

/** Everything an anchor's transaction is made from: the same order gives the same bytes. */
export interface AnchorOrder {
  /** Spent in this order. */
  readonly coins: readonly Coin[];
  /** Left out by a child, which pays for an anchor and publishes nothing. */
  readonly digest?: Uint8Array | undefined;
  readonly feeSat: bigint;
  /** Height that was reached when the first coin was first spent: says how long that has gone on. */
  readonly lockTime: number;
}

export const NETWORKS: Record<BitcoinNetwork, Network> = {
  mainnet: networks.bitcoin,
  testnet: networks.testnet,
  signet: networks.testnet,
  regtest: networks.regtest,
};

/** Virtual bytes of parts, times four: bytes outside the witness count four, bytes of it one (BIP-141). */
const WEIGHT = {
  // Version, counts and lock time; marker and flag.
  frame: 4 * 10 + 2,
  commitment: 4 * (9 + 34),
  // Outpoint, empty script, sequence; the witness with the longest signature a standard signer makes.
  p2wpkh: { input: 4 * 41 + 108, change: 4 * 31 },
  p2tr: { input: 4 * 41 + 66, change: 4 * 43 },
} as const;

/** Change below this would not be relayed (Bitcoin Core's dust limit at 3 sat/vB). */
const DUST_SAT = { p2wpkh: 294n, p2tr: 330n } as const;

/** The one address that pays, and the transactions it makes. Whoever holds the key is asked for signatures alone. */
export class AnchorWallet {
  readonly address: string;
  /** Locking script of that address. */
  readonly script: Uint8Array;
  readonly dustSat: bigint;
  readonly #internalKey: Uint8Array;

  constructor(
    private readonly signer: RemoteSigner,
    private readonly type: AddressType,
    private readonly network: BitcoinNetwork,
    private readonly place: CommitmentPlace = 'op_return',
  ) {
    const { publicKey } = signer;
    this.#internalKey = publicKey.slice(1, 33);
    const payment =
      type === 'p2tr'
        ? payments.p2tr({ internalPubkey: this.#internalKey, network: NETWORKS[network] })
        : payments.p2wpkh({ pubkey: publicKey, network: NETWORKS[network] });
    this.address = payment.address as string;
    this.script = payment.output as Uint8Array;
    this.dustSat = DUST_SAT[type];
  }

  /** Size of an anchor that spends so many coins, or of a child. */
  vbytes(coins: number, what: 'anchor' | 'child' = 'anchor'): number {
    const { input, change } = WEIGHT[this.type];
    const commitment = what === 'anchor' && this.place === 'op_return' ? WEIGHT.commitment : 0;
    return Math.ceil((WEIGHT.frame + commitment + coins * input + change) / 4);
  }

  /** Key of a taproot wallet before it is tweaked: x only, 32 bytes. */
  get internalKey(): Uint8Array {
    return this.#internalKey;
  }

  /** Locking script of what is the wallet's: its address, or its key tweaked with a commitment. */
  scriptOf(committed?: Uint8Array): Uint8Array {
    if (committed === undefined) return this.script;
    const hash = commitmentRoot(committed);
    return payments.p2tr({ internalPubkey: this.#internalKey, hash }).output as Uint8Array;
  }

  /** The address of that script. */
  addressOf(committed: Uint8Array): string {
    return address.fromOutputScript(this.scriptOf(committed), NETWORKS[this.network]);
  }

  /** Spends the coins into a commitment, where there is one, and change. */
  async sign(
    order: AnchorOrder,
    signal: AbortSignal,
  ): Promise<{ readonly txId: string; readonly bytes: Uint8Array }> {
    const psbt = this.#psbt(order);
    const signatures = signaturesIn(await this.signer.signPsbt(psbt.toBase64(), signal), order);
    // Only the signatures are taken over: they fit exactly what was asked for, or nothing.
    if (!signatures.every((signature): signature is Uint8Array => this.#commitsToAll(signature)))
      throw refused('signs less than the whole transaction or not at all');
    if (!this.#fits(psbt, signatures)) throw refused('does not fit the transaction asked for');
    const transaction = psbt.finalizeAllInputs().extractTransaction(true);
    return { txId: transaction.getId(), bytes: Uint8Array.from(transaction.toBuffer()) };
  }

  #psbt({ coins, digest, feeSat, lockTime }: AnchorOrder): Psbt {
    const psbt = new Psbt({ network: NETWORKS[this.network] });
    psbt.setVersion(2).setLocktime(lockTime);
    for (const { txId, index, valueSat, committed } of coins)
      psbt.addInput({
        hash: txId,
        index,
        sequence: SEQUENCE,
        witnessUtxo: { script: this.scriptOf(committed), value: valueSat },
        ...(this.type === 'p2tr' ? { tapInternalKey: this.#internalKey } : {}),
        ...(committed ? { tapMerkleRoot: commitmentRoot(committed) } : {}),
      });
    const value = coins.reduce((sum, { valueSat }) => sum + valueSat, 0n) - feeSat;
    if (digest && this.place === 'op_return')
      psbt.addOutput({ script: script.compile([0x6a, digest]), value: 0n });
    psbt.addOutput({
      script: this.scriptOf(this.place === 'taproot' ? digest : undefined),
      value,
    });
    return psbt;
  }

  /** SIGHASH_ALL, or the default of taproot: a shorter commitment would let others change the outputs. */
  #commitsToAll(signature: Uint8Array | undefined): signature is Uint8Array {
    if (this.type === 'p2tr') return signature?.length === 64;
    return signature?.at(-1) === Transaction.SIGHASH_ALL;
  }

  #fits(psbt: Psbt, signatures: readonly Uint8Array[]): boolean {
    try {
      for (const [index, signature] of signatures.entries())
        psbt.updateInput(
          index,
          this.type === 'p2tr'
            ? { tapKeySig: signature }
            : { partialSig: [{ pubkey: this.signer.publicKey, signature }] },
        );
      return psbt.validateSignaturesOfAllInputs(verify);
    } catch {
      // Not even the shape of a signature.
      return false;
    }
  }
}

const verify = (key: Uint8Array, hash: Uint8Array, signature: Uint8Array): boolean =>
  key.length === 32 ? ecc.verifySchnorr(hash, key, signature) : ecc.verify(hash, key, signature);

/** One for each input, also from a signer that finalised them. */
function signaturesIn(answer: string, { coins }: AnchorOrder): (Uint8Array | undefined)[] {
  let signed: Psbt;
  try {
    signed = Psbt.fromBase64(answer);
  } catch (cause) {
    throw refused('is no PSBT', cause);
  }
  return coins.map((_coin, index) => {
    const input = signed.data.inputs[index];
    const { tapKeySig, partialSig, finalScriptWitness: witness } = input ?? {};
    // A witness counts its items, and each item its bytes; the signature is the first.
    const first = witness?.subarray(2, 2 + (witness[1] ?? 0));
    return tapKeySig ?? partialSig?.[0]?.signature ?? first;
  });
}

const refused = (what: string, cause?: unknown): AnchorError =>
  new AnchorError(
    'rejected',
    `What the signer answered ${what}. Nothing was sent; check that it holds the key of this address.`,
    { cause },
  );
