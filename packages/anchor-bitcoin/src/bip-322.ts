import * as ecc from '@bitcoinerlab/secp256k1';
import { ripemd160 } from '@noble/hashes/legacy.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { concat, equal, fromBase64, utf8 } from '@wattproof/core/verify';
import { address as addresses, payments, script, Transaction } from 'bitcoinjs-lib';

const TAG = sha256(utf8('BIP0322-signed-message'));
const OP_RETURN = Uint8Array.of(0x6a);
/** Names the simple form; signatures from before the names were given carry none. */
const SIMPLE_PREFIX = 'smp';
/** A witness of one signature and one key is under 110 bytes; base64 of it and the prefix stay under this. */
const MAX_SIGNATURE_LENGTH = 200;

/** SHA-256 of a message with BIP-322's tag (BIP-340 tagged hash). */
export function bip322MessageHash(message: string): Uint8Array {
  return sha256(concat(TAG, TAG, utf8(message)));
}

/** The two virtual transactions of BIP-322: the one that poses the challenge, and the one that a signature completes. */
export function bip322Transactions(
  challenge: Uint8Array,
  message: string,
): { readonly toSpend: Transaction; readonly toSign: Transaction } {
  const toSpend = new Transaction();
  toSpend.version = 0;
  const asked = concat(Uint8Array.of(0x00, 0x20), bip322MessageHash(message));
  toSpend.addInput(new Uint8Array(32), 0xff_ff_ff_ff, 0, asked);
  toSpend.addOutput(challenge, 0n);
  const toSign = new Transaction();
  toSign.version = 0;
  toSign.addInput(toSpend.getHash(), 0, 0);
  toSign.addOutput(OP_RETURN, 0n);
  return { toSpend, toSign };
}

/**
 * True when `signature` is a simple BIP-322 signature by the key of a P2WPKH or P2TR address (key path) over exactly
 * `message`. Scripts are not evaluated: signatures of other addresses are not accepted. `prefix`: of the network's segwit
 * addresses, `bc`, `tb` or `bcrt`. Never throws.
 */
export function verifyBip322(
  prefix: string,
  { address, message, signature }: Record<'address' | 'message' | 'signature', string>,
): boolean {
  try {
    const { version, prefix: given, data } = addresses.fromBech32(address);
    if (given !== prefix || signature.length > MAX_SIGNATURE_LENGTH) return false;
    const witness = readWitness(signature);
    if (version === 0 && data.length === 20) return verifyP2wpkh(data, message, witness);
    if (version === 1 && data.length === 32) return verifyP2tr(data, message, witness);
    return false;
  } catch {
    // Not an address, not base64, not a signature: not signed.
    return false;
  }
}

function verifyP2wpkh(
  program: Uint8Array,
  message: string,
  witness: readonly Uint8Array[],
): boolean {
  const [signed, publicKey] = witness;
  if (witness.length !== 2 || signed === undefined || publicKey?.length !== 33) return false;
  if (!equal(ripemd160(sha256(publicKey)), program)) return false;
  const { signature, hashType } = script.signature.decode(signed);
  if (hashType !== Transaction.SIGHASH_ALL) return false;
  const { toSign } = bip322Transactions(concat(Uint8Array.of(0x00, 0x14), program), message);
  const scriptCode = payments.p2pkh({ hash: program }).output as Uint8Array;
  const digest = toSign.hashForWitnessV0(0, scriptCode, 0n, hashType);
  // Strict: a high S is another form of the same signature.
  return ecc.verify(digest, publicKey, signature, true);
}

function verifyP2tr(
  outputKey: Uint8Array,
  message: string,
  witness: readonly Uint8Array[],
): boolean {
  const [signed] = witness;
  if (witness.length !== 1 || signed === undefined) return false;
  const hashType = signed.length === 64 ? Transaction.SIGHASH_DEFAULT : signed[64];
  if (signed.length > 64 && (signed.length !== 65 || hashType !== Transaction.SIGHASH_ALL))
    return false;
  const challenge = concat(Uint8Array.of(0x51, 0x20), outputKey);
  const { toSign } = bip322Transactions(challenge, message);
  const digest = toSign.hashForWitnessV1(0, [challenge], [0n], hashType as number);
  return ecc.verifySchnorr(digest, outputKey, signed.subarray(0, 64));
}

/** The witness stack: a count, then length and bytes of each item; all of them small. */
function readWitness(signature: string): Uint8Array[] {
  const named = signature.startsWith(SIMPLE_PREFIX);
  const bytes = fromBase64(named ? signature.slice(SIMPLE_PREFIX.length) : signature);
  const items: Uint8Array[] = [];
  let at = 1;
  for (let i = 0; i < (bytes[0] ?? 0); i += 1) {
    const length = bytes[at] ?? 0;
    items.push(bytes.slice(at + 1, at + 1 + length));
    at += 1 + length;
  }
  return at === bytes.length ? items : [];
}
