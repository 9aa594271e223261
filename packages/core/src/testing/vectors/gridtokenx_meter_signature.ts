import { fromBase58, toBase58 } from '../../verify/base58.js';
import { fromUtf8, toHex } from '../../verify/bytes.js';
import { signedMessage } from '../../verify/device-signing.js';
import { verifyEd25519 } from '../../verify/ed25519.js';
import { gridtokenxMeter } from '../../verify/formats/gridtokenx-meter.js';
import { sha256 } from '../../verify/sha256.js';
import { publicKeyOf } from './seeded-key.js';
import { compare, each, unknownGroups, type VectorResult } from './vector-case.js';

interface MeterSignatureFile {
  readonly private_seed_hex: string;
  readonly public_key_base58: string;
  readonly meter_key_hash_sha256_hex: string;
  readonly cases: readonly {
    readonly note: string;
    readonly meter_serial: string;
    readonly timestamp: string;
    readonly kwh_amount: string;
    readonly wallet: string;
    readonly message: string;
    readonly message_hex: string;
    readonly signature_base58: string;
    readonly signature_hex: string;
  }[];
}

const KEY_ID = '0'.repeat(16);

/** The messages GridTokenX meters sign, rebuilt from their documents, and the signatures over them. */
export function* run(file: unknown): Generator<VectorResult> {
  const vectors = file as MeterSignatureFile;
  const key = fromBase58(vectors.public_key_base58)!;
  yield compare('key of the seed', toHex(key), () => publicKeyOf(vectors.private_seed_hex));
  yield compare('key in base58', vectors.public_key_base58, () => toBase58(key));
  yield compare('key hash', vectors.meter_key_hash_sha256_hex, () => toHex(sha256(key)));
  yield* each('cases', vectors.cases, function* (one) {
    const { meter_serial, timestamp, kwh_amount, wallet, note } = one;
    const json = JSON.stringify({ meter_serial, timestamp, kwh_amount, wallet });
    const message = (source: string): Uint8Array =>
      signedMessage('gridtokenx-meter/1', KEY_ID, gridtokenxMeter.read(source).bytes);
    yield compare(`${note}: message`, one.message, () => fromUtf8(message(json)));
    yield compare(`${note}: bytes`, one.message_hex, () => toHex(message(json)));
    yield compare(`${note}: read back`, one.message_hex, () => toHex(message(one.message)));
    const signature = fromBase58(one.signature_base58)!;
    yield compare(`${note}: signature`, one.signature_hex, () => toHex(signature));
    yield compare(`${note}: verified`, true, () => verifyEd25519(signature, message(json), key));
  });
  yield* unknownGroups(file, ['cases']);
}
