import { readBundle, type Bundle } from '../bundle.js';
import { equal, toBase64, toHex } from '../bytes.js';
import type { JsonObject, Sha256 } from '../contracts.js';
import { batchItemLeaf } from '../device-signing.js';
import { verifyEd25519, type Ed25519Equation } from '../ed25519.js';
import type { EcdsaVerify } from '../entry-signature.js';
import { rootFromPath } from '../inclusion.js';
import type { Statement } from '../proof-report.js';
import { canonicalJson } from '../rfc8785.js';
import { Shape, ShapeError } from '../shape.js';
import { decodeSpki, keyIdOf, SIGNATURE_ALGORITHMS, type SignatureAlgorithm } from '../spki.js';
import { HASH_BYTES, logHash } from '../tree-hashing.js';
import { chainedBatchMessage, chainHash, readChainHeader, type ChainPlace } from './batch-chain.js';
import { EnvelopeError } from './envelope-error.js';

export const CHAIN_PROOF_VERSION = 'wattproof.chain/1';
/** Most batches of one proof. */
export const MAX_CHAIN_BATCHES = 10_000;

/** One signed batch without its readings. */
export interface ChainLink extends ChainPlace {
  /** Root of the tree of its last − first + 1 readings. */
  readonly root: Uint8Array;
  readonly signature: Uint8Array;
}

/** Batches of one key, in the order of their numbers. */
export interface ChainProof {
  readonly alg: SignatureAlgorithm;
  /** SPKI DER. */
  readonly publicKey: Uint8Array;
  readonly batches: readonly ChainLink[];
}

/** What checking a chain came to: `ok` when the key signed for every number from `first` to `last`, without a gap and without a fork. */
export interface ChainReport {
  readonly ok: boolean;
  readonly keyId?: string;
  readonly first?: bigint;
  readonly last?: bigint;
  readonly failures: readonly Statement[];
}

export interface ChainOptions {
  /** SPKI DER of the device's key. Without it the proof is of whatever key it names. */
  readonly publicKey?: Uint8Array;
  readonly ecdsa?: EcdsaVerify;
  readonly equation?: Ed25519Equation;
  readonly sha256?: Sha256;
}

/** The proof's one text: RFC 8785. */
export function chainProofText({ alg, publicKey, batches }: ChainProof): string {
  return canonicalJson({
    v: CHAIN_PROOF_VERSION,
    alg,
    public_key: toBase64(publicKey),
    batches: batches.map(({ first, last, root, previous, signature }): JsonObject => ({
      first: String(first),
      last: String(last),
      root: toHex(root),
      previous: toHex(previous),
      signature: toBase64(signature),
    })),
  });
}

/** Reads a proof: text or the parsed object; a closed schema. Throws `ShapeError` and `SyntaxError`. */
export function readChainProof(source: string | object): ChainProof {
  const value: unknown = typeof source === 'string' ? JSON.parse(source) : source;
  const shape = new Shape(value, 'chain', ['v', 'alg', 'public_key', 'batches']);
  shape.oneOf('v', [CHAIN_PROOF_VERSION]);
  return {
    alg: shape.oneOf('alg', SIGNATURE_ALGORITHMS),
    publicKey: shape.base64('public_key', 32, 256),
    batches: shape.list('batches', MAX_CHAIN_BATCHES, (item, path) => {
      const link = new Shape(item, path, ['first', 'last', 'root', 'previous', 'signature']);
      const number = (name: string): bigint => {
        const text = link.text(name, 19);
        if (!/^(?:0|[1-9]\d*)$/.test(text))
          throw new ShapeError(`${path}.${name}`, 'is not a decimal integer');
        return BigInt(text);
      };
      return {
        first: number('first'),
        last: number('last'),
        root: link.hex('root', HASH_BYTES),
        previous: link.hex('previous', HASH_BYTES),
        signature: link.base64('signature', 64, 96),
      };
    }),
  };
}

/** The chain that the bundles of readings of one key tell of; several of one batch are one link. Throws `batch_chain_invalid`. */
export function chainOfBundles(
  sources: readonly (string | Uint8Array | object)[],
  sha256?: Sha256,
): ChainProof {
  const links = new Map<string, ChainLink>();
  let key: Pick<ChainProof, 'alg' | 'publicKey'> | undefined;
  for (const source of sources) {
    const { entry, signature } = readBundle(source);
    if (signature?.batch === undefined || signature.envelope?.type !== 'chain')
      throw new EnvelopeError('batch_chain_invalid', 'a bundle is of no chained batch');
    if (key !== undefined && !equal(key.publicKey, signature.publicKey))
      throw new EnvelopeError('batch_chain_invalid', 'the bundles are of several keys');
    key = { alg: signature.alg, publicKey: signature.publicKey };
    const root = rootOf(entry.bytes, signature.batch, sha256);
    const place = readChainHeader(signature.envelope.header);
    links.set(`${toHex(root)}${toHex(signature.envelope.header)}`, {
      ...place,
      root,
      signature: signature.value,
    });
  }
  if (key === undefined) throw new EnvelopeError('batch_chain_invalid', 'there are no bundles');
  const batches = [...links.values()].toSorted((a, b) => (a.first < b.first ? -1 : 1));
  return { ...key, batches };
}

function rootOf(
  bytes: Uint8Array,
  { nonce, index, count, path }: NonNullable<NonNullable<Bundle['signature']>['batch']>,
  sha256: Sha256 | undefined,
): Uint8Array {
  const leaf = batchItemLeaf(nonce, logHash(bytes, sha256), sha256);
  const root = rootFromPath({ profile: 'rfc9162', leaf, index, size: count, path }, sha256);
  if (root !== undefined) return root;
  throw new EnvelopeError('batch_chain_invalid', 'the path in a signed batch is impossible');
}

/** Checks that no reading is missing between the first and the last number of a chain. Never throws for what the proof holds. */
export function verifyChain(
  { alg, publicKey, batches }: ChainProof,
  options: ChainOptions = {},
): ChainReport {
  const failures: Statement[] = [];
  const fail = (code: string, text: string): void => void failures.push({ code, text });
  const keyId = keyIdOf(publicKey, options.sha256);
  const key = decodeSpki(publicKey);
  if (key === undefined || key.alg !== alg) fail('key_invalid', `the public key is no ${alg} SPKI`);
  if (options.publicKey !== undefined && !equal(options.publicKey, publicKey))
    fail('key_mismatch', `the chain is of key ${keyId}, another was asked for`);
  const ends = [batches[0], batches.at(-1)] as const;
  if (ends[0] === undefined || ends[1] === undefined) fail('chain_empty', 'there are no batches');
  if (failures.length > 0) return { ok: false, keyId, failures };
  let before: { readonly hash: Uint8Array; readonly last: bigint } | undefined;
  for (const link of batches) {
    const name = `batch ${link.first} … ${link.last}`;
    let message: Uint8Array;
    try {
      message = chainedBatchMessage(keyId, Number(link.last - link.first) + 1, link.root, link);
    } catch (error) {
      fail('batch_invalid', `${name}: ${(error as Error).message}`);
      before = undefined;
      continue;
    }
    if (!signed(alg, key!.key, message, link.signature, options))
      fail(
        'signature_invalid',
        `${name}: the key did not sign it, or nobody here can check ${alg}`,
      );
    if (before !== undefined && link.first > before.last + 1n)
      fail('chain_gap', `readings ${before.last + 1n} … ${link.first - 1n} are missing`);
    else if (before !== undefined && link.first <= before.last)
      fail('chain_fork', `${name} and the one before it hold the same numbers`);
    if (before !== undefined && !equal(before.hash, link.previous))
      fail('chain_broken', `${name} does not follow the batch before it`);
    before = { hash: chainHash(message, options.sha256), last: link.last };
  }
  const { first, last } = { first: ends[0]!.first, last: ends[1]!.last };
  return { ok: failures.length === 0, keyId, first, last, failures };
}

function signed(
  alg: SignatureAlgorithm,
  key: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
  { ecdsa, equation }: ChainOptions,
): boolean {
  if (alg === 'Ed25519') return verifyEd25519(signature, message, key, equation);
  return ecdsa !== undefined && ecdsa(alg, signature, message, key);
}
