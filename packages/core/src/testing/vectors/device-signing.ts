import { checkedDeviceKey } from '../../devices/device-key.js';
import { DevicesConfig } from '../../devices/devices.config.js';
import { nodeEcdsaBackend, pureEcdsaBackend } from '../../devices/ecdsa-backend.js';
import { loadEd25519Backend, nodeBackend, pureBackend } from '../../devices/ed25519-backend.js';
import { MeterError } from '../../devices/meter-error.js';
import { SignatureVerifier } from '../../devices/signature-verifier.js';
import { nativeSha256 } from '../../hashing/native-hashing.js';
import { fromBase64, fromHex, toHex } from '../../verify/bytes.js';
import {
  batchItemLeaf,
  batchItemNonce,
  batchMessage,
  commandAnswerMessage,
  connectMessage,
  readingMessage,
  recoverMessage,
  registerMessage,
  rotateMessage,
} from '../../verify/device-signing.js';
import { pureEcdsaEquation, verifyEcdsa } from '../../verify/ecdsa.js';
import { isPrimeOrderKey, verifyEd25519 } from '../../verify/ed25519.js';
import { inclusionProof } from '../../verify/inclusion.js';
import { merkleRoot } from '../../verify/merkle-tree-builder.js';
import { decodeSpki, encodeSpki, keyIdOf, type SignatureAlgorithm } from '../../verify/spki.js';
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
  readonly recover?: DeviceSigningFile['register'];
  readonly answer?: {
    origin: string;
    meter_id: string;
    command_id: string;
    nonce: string;
    /** RFC 8785. */
    body: string;
    message: string;
    signature: string;
  };
  readonly connect?: { origin: string; challenge: string; message: string; signature: string };
  /** Verified by every back end: all say `valid`, or all say no. Key and signature in base64, the message in hex. */
  readonly signatures?: readonly {
    name: string;
    alg: SignatureAlgorithm;
    public_key: string;
    message: string;
    signature: string;
    valid: boolean;
  }[];
  /** Keys asked to be registered: `null`, or the code of the refusal. */
  readonly registrations?: readonly {
    name: string;
    alg: string;
    public_key: string;
    code: string | null;
  }[];
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
export async function* run(file: unknown): AsyncGenerator<VectorResult> {
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
  const backends = await everyBackend();
  yield* each('signatures', vectors.signatures, function* (one) {
    const spki = fromBase64(one.public_key);
    const [message, value] = [fromHex(one.message), fromBase64(one.signature)];
    yield compare(`key of ${one.name}`, one.alg, () => decodeSpki(spki)!.alg);
    for (const [name, verifies] of backends)
      yield compare(`${one.name} (${name})`, one.valid, () => verifies(spki, message, value));
  });
  yield* each('registrations', vectors.registrations, function* (one) {
    yield compare(`registration: ${one.name}`, one.code, () => refusalOf(one));
  });
  yield* unknownGroups(file, [
    'key',
    'reading',
    'batch',
    'register',
    'rotate',
    'recover',
    'connect',
    'answer',
    'signatures',
    'registrations',
    'bad_fields',
    'bad_base64',
    'ed25519',
  ]);
}

type Verifies = (spki: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean;

/** Everything that checks device signatures, by name: the gateway's back ends (the native one when it loads), and the offline verifier. */
async function everyBackend(): Promise<readonly (readonly [string, Verifies])[]> {
  const fastest = await loadEd25519Backend();
  const pureEcdsa = pureEcdsaBackend(pureEcdsaEquation);
  const verifiers = [
    ['node:crypto', new SignatureVerifier(nodeBackend, nodeEcdsaBackend)],
    ['pure', new SignatureVerifier(pureBackend, pureEcdsa)],
    ...(fastest === nodeBackend
      ? []
      : [[fastest.name, new SignatureVerifier(fastest, nodeEcdsaBackend)] as const]),
  ] as const;
  return [
    ...verifiers.map(([name, verifier]): readonly [string, Verifies] => [
      name,
      (spki, message, signature) => verifier.verify(spki, message, signature),
    ]),
    ['offline', verifiesOffline],
  ];
}

function verifiesOffline(spki: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const decoded = decodeSpki(spki);
  if (decoded === undefined) return false;
  const { alg, key } = decoded;
  return alg === 'Ed25519'
    ? verifyEd25519(signature, message, key)
    : verifyEcdsa(alg, signature, message, key);
}

function refusalOf(one: { readonly alg: string; readonly public_key: string }): string | null {
  const { algorithms } = DevicesConfig.parse({});
  const key = { alg: one.alg, public_key: fromBase64(one.public_key) };
  try {
    checkedDeviceKey(key, algorithms, nativeSha256);
    return null;
  } catch (error) {
    if (error instanceof MeterError) return error.code;
    throw error;
  }
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
  const { reading, batch, register, rotate, recover, connect, answer } = vectors;
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
  if (recover !== undefined) {
    yield compare('recover: message', recover.message, () =>
      toHex(recoverMessage(recover.origin, recover.meter_id, keyId, recover.nonce)),
    );
    yield compare('recover: signature', true, () => signed(recover.message, recover.signature));
  }
  if (answer !== undefined) {
    const { origin, meter_id: meterId, command_id: commandId, nonce } = answer;
    yield compare('answer: message', answer.message, () =>
      toHex(
        commandAnswerMessage(origin, meterId, commandId, nonce, nativeSha256(fromHex(answer.body))),
      ),
    );
    yield compare('answer: signature', true, () => signed(answer.message, answer.signature));
  }
  if (connect !== undefined) {
    yield compare('connect: message', connect.message, () =>
      toHex(connectMessage(connect.origin, keyId, connect.challenge)),
    );
    yield compare('connect: signature', true, () => signed(connect.message, connect.signature));
  }
  if (rotate !== undefined)
    yield compare('rotate: message', rotate.message, () =>
      toHex(rotateMessage(rotate.origin, rotate.meter_id, keyId, rotate.new_key_id, rotate.nonce)),
    );
}
