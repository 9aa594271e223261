import { fromBase58, toBase58 } from '../../verify/base58.js';
import { fromHex, fromUtf8, toHex } from '../../verify/bytes.js';
import { signedMessage } from '../../verify/device-signing.js';
import { verifyEd25519 } from '../../verify/ed25519.js';
import { gridtokenxMeter } from '../../verify/formats/gridtokenx-meter.js';
import { sha256 } from '../../verify/sha256.js';
import { publicKeyOf } from './seeded-key.js';
import { compare, each, unknownGroups, type VectorResult } from './vector-case.js';

interface MeterSignatureFile {
  readonly private_seed_hex?: string;
  readonly public_key_base58?: string;
  readonly meter_key_hash_sha256_hex?: string;
  readonly cases?: readonly {
    readonly note: string;
    readonly meter_serial: string;
    readonly timestamp: string;
    readonly kwh_amount: string;
    readonly wallet: string;
    readonly message: string;
    readonly message_hex: string;
    readonly signature_base58?: string;
    readonly signature_hex?: string;
    /** The key of this case alone. */
    readonly public_key_base58?: string;
  }[];
}

const KEY_ID = '0'.repeat(16);

/** The messages GridTokenX meters sign, rebuilt from their documents, and the signatures over them. */
export function* run(file: unknown): Generator<VectorResult> {
  const vectors = file as MeterSignatureFile;
  const {
    public_key_base58: known,
    private_seed_hex: seed,
    meter_key_hash_sha256_hex: keyHash,
  } = vectors;
  const keyOf = (text = known): Uint8Array => {
    const key = text === undefined ? undefined : fromBase58(text);
    if (key === undefined) throw new TypeError('the file has no public_key_base58');
    return key;
  };
  if (seed !== undefined) yield compare('key of the seed', publicKeyOf(seed), () => toHex(keyOf()));
  if (known !== undefined) yield compare('key in base58', known, () => toBase58(keyOf()));
  if (keyHash !== undefined) yield compare('key hash', keyHash, () => toHex(sha256(keyOf())));
  yield* each('cases', vectors.cases, function* (one) {
    const { meter_serial, timestamp, kwh_amount, wallet, note } = one;
    const json = JSON.stringify({ meter_serial, timestamp, kwh_amount, wallet });
    const message = (source: string): Uint8Array =>
      signedMessage('gridtokenx-meter/1', KEY_ID, gridtokenxMeter.read(source).bytes);
    yield compare(`${note}: message`, one.message, () => fromUtf8(message(json)));
    yield compare(`${note}: bytes`, one.message_hex, () => toHex(message(json)));
    yield compare(`${note}: read back`, one.message_hex, () => toHex(message(one.message)));
    const { signature_base58: base58, signature_hex: hex, public_key_base58: own } = one;
    if (base58 === undefined && hex === undefined) return;
    const signature = base58 === undefined ? fromHex(hex!) : fromBase58(base58);
    if (hex !== undefined) yield compare(`${note}: signature`, hex, () => toHex(signature!));
    yield compare(`${note}: verified`, true, () =>
      verifyEd25519(signature!, message(json), keyOf(own)),
    );
  });
  yield* unknownGroups(file, ['cases']);
}
