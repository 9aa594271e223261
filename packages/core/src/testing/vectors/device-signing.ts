import { fromBase64, fromHex, toHex } from '../../verify/bytes.js';
import {
  batchItemLeaf,
  batchItemNonce,
  batchMessage,
  readingMessage,
  registerMessage,
  rotateMessage,
} from '../../verify/device-signing.js';
import { isPrimeOrderKey, verifyEd25519 } from '../../verify/ed25519.js';
import { inclusionProof } from '../../verify/inclusion.js';
import { merkleRoot } from '../../verify/merkle-tree-builder.js';
import { decodeSpki, encodeSpki, keyIdOf } from '../../verify/spki.js';
import { logHash } from '../../verify/tree-hashing.js';
import { publicKeyOf } from './seeded-key.js';
import {
  compare,
  each,
  guarded,
  refuses,
  unknownGroups,
  type VectorResult,
} from './vector-case.js';

interface DeviceSigningFile {
  readonly key: { readonly spki: string; readonly key_id: string; readonly seed?: string };
  readonly reading?: { format: string; canonical: string; message: string; signature: string };
  readonly batch?: {
    batch_nonce: string;
    items: readonly string[];
    nonces: readonly string[];
    leaves: readonly string[];
    root: string;
    message: string;
    signature: string;
    paths: readonly (readonly string[])[];
  };
  readonly register?: {
    origin: string;
    meter_id: string;
    nonce: string;
    message: string;
    signature: string;
  };
  readonly rotate?: {
    origin: string;
    meter_id: string;
    new_key_id: string;
    nonce: string;
    message: string;
  };
  readonly bad_fields?: readonly { format: string; key_id: string }[];
  readonly bad_base64?: readonly string[];
  readonly ed25519?: {
    readonly cases?: readonly {
      name: string;
      public_key: string;
      message: string;
      signature: string;
      valid: boolean;
    }[];
    readonly registrable?: readonly { name: string; public_key: string; ok: boolean }[];
  };
}

/** What devices sign, byte for byte, and which signatures are accepted. */
export function* run(file: unknown): Generator<VectorResult> {
  const vectors = file as DeviceSigningFile;
  yield* guarded('key', () => keyCases(vectors));
  yield* each('bad_fields', vectors.bad_fields, function* ({ format, key_id: id }) {
    yield refuses(`message of format ${JSON.stringify(format)}, key ${id}`, () =>
      readingMessage(format, id, new Uint8Array(1)),
    );
  });
  yield* each('bad_base64', vectors.bad_base64, function* (text) {
    yield refuses(`base64 ${JSON.stringify(text)}`, () => fromBase64(text));
  });
  const { cases, registrable, ...rest } = vectors.ed25519 ?? {};
  yield* each('ed25519', cases, function* (one) {
    yield compare(`Ed25519: ${one.name}`, one.valid, () =>
      verifyEd25519(fromHex(one.signature), fromHex(one.message), fromHex(one.public_key)),
    );
  });
  yield* each('registrable', registrable, function* (one) {
    yield compare(`registration: ${one.name}`, one.ok, () =>
      isPrimeOrderKey(fromHex(one.public_key)),
    );
  });
  yield* unknownGroups(rest, ['cases', 'registrable']);
  yield* unknownGroups(file, [
    'key',
    'reading',
    'batch',
    'register',
    'rotate',
    'bad_fields',
    'bad_base64',
    'ed25519',
  ]);
}

function* keyCases(vectors: DeviceSigningFile): Generator<VectorResult> {
  const { spki: spkiText, key_id: keyId, seed } = vectors.key;
  const spki = fromBase64(spkiText);
  const publicKey = decodeSpki(spki)!.key;
  yield compare('key id', keyId, () => keyIdOf(spki));
  yield compare('SPKI written back', toHex(spki), () => toHex(encodeSpki('Ed25519', publicKey)!));
  if (seed !== undefined)
    yield compare('key of the seed', toHex(publicKey), () => publicKeyOf(seed));
  yield* messages(vectors, publicKey);
}

function* messages(vectors: DeviceSigningFile, key: Uint8Array): Generator<VectorResult> {
  const { reading, batch, register, rotate } = vectors;
  const keyId = vectors.key.key_id;
  const signed = (message: string, signature: string): boolean =>
    verifyEd25519(fromBase64(signature), fromHex(message), key);
  if (reading !== undefined) {
    yield compare('reading: message', reading.message, () =>
      toHex(readingMessage(reading.format, keyId, fromHex(reading.canonical))),
    );
    yield compare('reading: signature', true, () => signed(reading.message, reading.signature));
  }
  if (batch !== undefined) {
    const nonce = fromHex(batch.batch_nonce);
    const nonces = batch.items.map((_, i) => batchItemNonce(nonce, i));
    const leaves = batch.items.map((item, i) => batchItemLeaf(nonces[i]!, logHash(fromHex(item))));
    yield compare('batch: nonces', batch.nonces, () => nonces.map(toHex));
    yield compare('batch: leaves', batch.leaves, () => leaves.map(toHex));
    yield compare('batch: root', batch.root, () => toHex(merkleRoot('rfc9162', leaves)));
    yield compare('batch: paths', batch.paths, () =>
      leaves.map((_, i) => inclusionProof('rfc9162', leaves, i).map(toHex)),
    );
    yield compare('batch: message', batch.message, () =>
      toHex(batchMessage(keyId, batch.items.length, fromHex(batch.root))),
    );
    yield compare('batch: signature', true, () => signed(batch.message, batch.signature));
  }
  if (register !== undefined) {
    yield compare('register: message', register.message, () =>
      toHex(registerMessage(register.origin, register.meter_id, keyId, register.nonce)),
    );
    yield compare('register: signature', true, () => signed(register.message, register.signature));
  }
  if (rotate !== undefined)
    yield compare('rotate: message', rotate.message, () =>
      toHex(rotateMessage(rotate.origin, rotate.meter_id, keyId, rotate.new_key_id, rotate.nonce)),
    );
}
