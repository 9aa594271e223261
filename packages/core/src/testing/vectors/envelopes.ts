import { nodeEcdsaBackend, pureEcdsaBackend } from '../../devices/ecdsa-backend.js';
import { nodeBackend, pureBackend } from '../../devices/ed25519-backend.js';
import { DevicesConfig } from '../../devices/devices.config.js';
import type { MeterDirectory } from '../../devices/meter-directory.js';
import { fingerprintOfMeterId } from '../../devices/meter-fingerprint.js';
import type { StoredMeter } from '../../devices/meter.store.js';
import { SignatureVerifier } from '../../devices/signature-verifier.js';
import { nativeSha256 } from '../../hashing/native-hashing.js';
import { Authenticator, type ReadItem } from '../../ingestion/authenticator.js';
import { frame, frameCose, type Frame } from '../../ingestion/frame.js';
import { IngestionConfig } from '../../ingestion/ingestion.config.js';
import { readItem } from '../../ingestion/read-item.js';
import { Refusal } from '../../ingestion/refusal.js';
import { openMemoryStore } from '../../stores/memory/open-memory-store.js';
import { fromBase64, fromUtf8 } from '../../verify/bytes.js';
import { pureEcdsaEquation } from '../../verify/ecdsa.js';
import { readDocument } from '../../verify/formats/default-formats.js';
import { keyIdOf, type SignatureAlgorithm } from '../../verify/spki.js';
import { logHash } from '../../verify/tree-hashing.js';
import { each, unknownGroups, type VectorResult } from './vector-case.js';

interface EnvelopesFile {
  readonly meters: readonly {
    readonly meter_id: string;
    readonly alg: SignatureAlgorithm;
    /** Base64 of SPKI DER. */
    readonly public_key: string;
  }[];
  readonly cases: readonly {
    readonly name: string;
    readonly content_type: 'application/json' | 'application/cose' | 'text/plain';
    /** Base64 of the message. */
    readonly body: string;
    /** `accepted`, or the code of the message's or its first item's refusal. */
    readonly verdict: string;
  }[];
}

const NOW_MS = Date.parse('2026-01-01T00:00:00Z');

// Back ends that must agree about every case.
const NODE = ['node:crypto', new SignatureVerifier(nodeBackend, nodeEcdsaBackend)] as const;
const PURE = [
  'pure',
  new SignatureVerifier(pureBackend, pureEcdsaBackend(pureEcdsaEquation)),
] as const;

/**
 * Messages that devices signed in every kind of envelope, and what ingestion says of who signed them. Plain JavaScript is slow: only
 * every `pureEvery`th case is asked of it.
 */
export async function* run(file: unknown, pureEvery = 1): AsyncGenerator<VectorResult> {
  const { meters, cases } = file as EnvelopesFile;
  const directory = directoryOf(meters);
  const asked = [...each('cases', cases, (one) => [{ name: one.name, ok: true }])];
  yield* asked.filter(({ ok }) => !ok);
  for (const [index, one] of cases.entries())
    for (const [backend, signatures] of index % pureEvery === 0 ? [NODE, PURE] : [NODE]) {
      const name = `${one.name} (${backend})`;
      try {
        const got = await verdictOf(one, directory, signatures);
        const ok = got === one.verdict;
        yield ok ? { name, ok } : { name, ok, detail: `expected ${one.verdict}, got ${got}` };
      } catch (error) {
        yield { name, ok: false, detail: `threw ${String(error)}` };
      }
    }
  yield* unknownGroups(file, ['meters', 'cases']);
}

async function verdictOf(
  { content_type: contentType, body }: EnvelopesFile['cases'][number],
  directory: MeterDirectory,
  signatures: SignatureVerifier,
): Promise<string> {
  const { limits } = IngestionConfig.parse({});
  const bytes = fromBase64(body);
  const framed: Frame | Refusal =
    contentType === 'application/cose'
      ? frameCose(bytes, limits)
      : frame(fromUtf8(bytes), contentType, limits);
  if (framed instanceof Refusal) return framed.code;
  const items = framed.items.map((item): ReadItem | Refusal => {
    const document = item instanceof Refusal ? item : readItem(item, readDocument);
    if (document instanceof Refusal) return document;
    return { document, reading: document.reading!, logHash: logHash(document.bytes) };
  });
  const authenticator = new Authenticator({
    directory,
    chains: openMemoryStore({ clock: { nowMs: () => NOW_MS } }).chains,
    // No vector forks a chain.
    sayFork: () => ({ rows: [], issue: () => Promise.reject(new Error('nothing to say')) }),
    signatures,
    devices: DevicesConfig.parse({}),
    hashing: nativeSha256,
    turn: async () => {},
  });
  const sender = { assurance: 'unsigned' } as const;
  const answers = await authenticator.authenticate(framed, items, sender, NOW_MS);
  const refused = answers.find((answer) => answer instanceof Refusal);
  return refused instanceof Refusal ? refused.code : 'accepted';
}

/** A directory that knows these meters and nothing else. */
function directoryOf(meters: EnvelopesFile['meters']): MeterDirectory {
  const stored = meters.map(({ meter_id: meterId, alg, public_key: text }): StoredMeter => {
    const publicKey = fromBase64(text);
    const keyId = keyIdOf(publicKey);
    return {
      meterId,
      accountId: meterId,
      fingerprint: fingerprintOfMeterId(meterId),
      state: 'active',
      keys: [{ keyId, alg, publicKey, epoch: 0, validFromMs: 0 }],
      registeredAtMs: 0,
    };
  });
  return {
    refresh: async () => {},
    load: async () => {},
    peekMeter: (id: string) => stored.find(({ meterId }) => meterId === id) ?? null,
    peekKey: (id: string) => stored.filter(({ keys }) => keys.some(({ keyId }) => keyId === id)),
  } as unknown as MeterDirectory;
}
