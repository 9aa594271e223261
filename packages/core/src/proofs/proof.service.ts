import { type AnchorInstance, UnknownAnchor } from '../anchoring/anchor-instance.js';
import type { AnchorStore } from '../anchoring/anchor.store.js';
import type { BatchStore, StoredBatch } from '../batching/batch.store.js';
import type { EntryLeaf, EntryStore, StoredEntry } from '../logs/entry.store.js';
import type { ExportedProof } from '../spi/index.js';
import { bundleText, type BundleEvidence } from '../verify/bundle.js';
import { concat, toHex, utf8 } from '../verify/bytes.js';
import { commitmentOf } from '../verify/commitment.js';
import { positionedPath } from '../verify/inclusion.js';
import { inclusionProofFromTiles, type TileReader } from '../verify/merkle-tiles.js';
import { sha256 } from '../verify/sha256.js';
import { leafHash, sha256Of, type Hashing } from '../verify/tree-hashing.js';
import { BatchLogTree } from './batch-log-tree.js';
import { CheckpointSigners } from './checkpoint-signers.js';
import { stepsToCommitment } from './hash-steps.js';
import { ProofError } from './proof-error.js';
import { SealedReads } from './sealed-reads.js';
import { StoredReceipts } from './stored-receipts.js';

/** Formats that every gateway knows by name, whether or not one of its anchors writes them. */
const KNOWN_EXPORT_FORMATS = ['ots', 'beef'];

/** What proofs are made of. */
export interface ProofParts {
  readonly entries: Pick<EntryStore, 'get' | 'leaf' | 'claim' | 'receipt'>;
  readonly batches: Pick<BatchStore, 'byNumber' | 'head' | 'logLeaves' | 'tile' | 'unsigned'>;
  readonly anchors: Pick<AnchorStore, 'evidence'>;
  /** Instance ids of the configured anchors, in configuration order. */
  readonly anchorIds: readonly string[];
  /** The configured anchors by instance id: what writes proofs in the formats of ledgers' own worlds. */
  readonly exporters?: ReadonlyMap<string, Pick<AnchorInstance, 'anchor' | 'capabilities'>>;
  /** vkey of the key that signs checkpoints now. */
  readonly logKey: string;
  /** log-key/1 notes, oldest first. */
  readonly announcements: readonly string[];
  /** Of the log; receipts name it. */
  readonly origin: string;
  /** Default: the verifier's own SHA-256. */
  readonly hashing?: Hashing;
}

type Sealed<E extends EntryLeaf> = E & { readonly batch: NonNullable<EntryLeaf['batch']> };

/** Proofs of stored entries and of the log that holds them. Reads only. */
export class ProofService {
  readonly #hashing: Hashing;
  readonly #logTree: BatchLogTree;
  readonly #sealedReads: SealedReads;
  readonly #signers: CheckpointSigners;
  readonly #receipts: StoredReceipts;

  constructor(private readonly parts: ProofParts) {
    this.#hashing = parts.hashing ?? sha256;
    this.#signers = new CheckpointSigners(parts.logKey, parts.announcements);
    this.#sealedReads = new SealedReads(parts.batches, this.#hashing);
    this.#receipts = new StoredReceipts({ ...parts, hashing: this.#hashing });
    this.#logTree = new BatchLogTree(parts.batches, this.#hashing);
  }

  /**
   * The inclusion proof in the form kwh-btc-iot's clients read: siblings from leaf to root with the side they stand on.
   * `wanted`: the entry's leaf, or its id when the caller has not read it. Throws `log_not_found`, `log_not_batched`.
   */
  async seedProof(wanted: string | EntryLeaf): Promise<object> {
    const entry = sealed(
      typeof wanted === 'string' ? found(await this.parts.entries.leaf(wanted)) : wanted,
    );
    const batch = await this.#batchOf(entry);
    const { profile, count } = batch;
    const { index } = entry.batch;
    const proof = positionedPath(profile, index, count, await this.#path(batch, index));
    const leaf = leafHash(profile, entry.logHash, entry.salt, sha256Of(this.#hashing));
    return {
      log_id: entry.id,
      batch_id: batch.id,
      leaf_hash: toHex(entry.logHash),
      ...(profile === 'rfc9162' ? { merkle_leaf: toHex(leaf) } : {}),
      merkle_root: toHex(batch.root),
      index,
      tree_size: count,
      profile,
      salt: entry.salt.length > 0 ? toHex(entry.salt) : null,
      proof: proof.map(({ position, hash }) => ({ position, hash: toHex(hash) })),
    };
  }

  /**
   * The self-contained proof file, its canonical UTF-8 bytes: entry, signature, batch, log, checkpoint, receipt, and the evidence of every
   * anchor that covers it by now. Throws `log_not_found`, `log_not_batched`, `checkpoint_not_found`.
   */
  async bundle(wanted: string | StoredEntry): Promise<Uint8Array> {
    const entry = sealed(typeof wanted === 'string' ? await this.#entry(wanted) : wanted);
    const batch = await this.#batchOf(entry);
    const { checkpoint } = batch;
    if (checkpoint === undefined)
      throw new ProofError(
        'checkpoint_not_found',
        `The checkpoint of batch ${batch.number} is not signed yet; ask again shortly`,
      );
    const logKey = this.#signers.vkeyOf(batch.number, checkpoint);
    const [receipt, path, log, evidence] = await Promise.all([
      this.#receipts.of(entry.id),
      this.#path(batch, entry.batch.index),
      this.#logTree.place(batch.number, batch.logLeaf, batch.number + 1),
      this.#evidence(batch),
    ]);
    const text = bundleText({
      entry: { format: entry.format, bytes: entry.bytes, salt: entry.salt },
      ...(entry.signature === undefined ? {} : { signature: entry.signature }),
      inclusion: {
        profile: batch.profile,
        index: entry.batch.index,
        size: batch.count,
        path,
        root: batch.root,
      },
      batch: batch.metadata,
      log,
      checkpoint,
      logKey,
      logKeys: this.parts.announcements,
      evidence,
      ...(receipt === undefined ? {} : { receipt }),
    });
    return Buffer.from(text, 'utf8');
  }

  /** Names of the formats of ledgers' own worlds: those that the interface names, and what the configured anchors add. */
  get exportFormats(): readonly string[] {
    const exporters = [...(this.parts.exporters?.values() ?? [])];
    const declared = exporters.flatMap(({ capabilities }) => capabilities.exports ?? []);
    return [...new Set([...KNOWN_EXPORT_FORMATS, ...declared])];
  }

  /**
   * The proof of one entry in a format of a ledger's own world, from the evidence of that anchor. What it proves has the
   * SHA-256 `logHash`: the entry's preimage. Throws `log_not_found`, `log_not_batched`, `unknown_anchor`, `not_exportable`,
   * `not_anchored`.
   */
  async exported(
    wanted: string | EntryLeaf,
    anchorId: string,
    format: string,
  ): Promise<ExportedProof> {
    const exporter = this.parts.exporters?.get(anchorId);
    if (exporter === undefined) throw new UnknownAnchor(anchorId, this.parts.anchorIds);
    const { anchor, capabilities } = exporter;
    const cannot = `Anchor "${anchorId}" cannot write this proof as ${format}; format=bundle always can.`;
    if (!capabilities.exports?.includes(format)) throw new ProofError('not_exportable', cannot);
    const entry = sealed(
      typeof wanted === 'string' ? found(await this.parts.entries.leaf(wanted)) : wanted,
    );
    const batch = await this.#batchOf(entry);
    const covering = await this.parts.anchors.evidence(anchorId, BigInt(batch.number + 1));
    if (covering === undefined)
      throw new ProofError(
        'not_anchored',
        `Anchor "${anchorId}" has no evidence that covers this entry yet; GET /api/v1/batches/${batch.id}/anchors tells where it stands.`,
      );
    const [path, place] = await Promise.all([
      this.#path(batch, entry.batch.index),
      this.#logTree.place(batch.number, batch.logLeaf, Number(covering.size)),
    ]);
    const sha256 = sha256Of(this.#hashing);
    const { origin } = this.parts;
    const proof = await anchor.exportProof?.({
      format,
      digest: entry.logHash,
      steps: stepsToCommitment(
        { batch, index: entry.batch.index, salt: entry.salt, path, place, origin },
        sha256,
      ),
      commitment: commitmentOf(origin, covering.size, place.root, sha256),
      evidence: covering.evidence,
    });
    if (proof === undefined)
      throw new ProofError(
        'not_exportable',
        `Evidence of type ${covering.evidence.type} cannot be said in the format ${format}; format=bundle always can.`,
      );
    return proof;
  }

  /** `LOG::` ‖ canonical bytes; its SHA-256 is the entry's leaf_hash. Throws `log_not_found`. */
  async preimage(wanted: string | StoredEntry): Promise<Uint8Array> {
    const { bytes } = typeof wanted === 'string' ? await this.#entry(wanted) : wanted;
    return concat(utf8('LOG::'), bytes);
  }

  /**
   * Hashes (hex) that prove the log of `from` batches to be a prefix of the log of `to`. Throws `size_invalid`, and
   * `checkpoint_not_found` when the log is shorter than `to`.
   */
  async consistency(from: number, to: number): Promise<readonly string[]> {
    if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from < 1 || from > to)
      throw new ProofError('size_invalid', `sizes must be 1 ≤ from ≤ to, got ${from} and ${to}`);
    const size = ((await this.parts.batches.head())?.number ?? -1) + 1;
    if (to > size)
      throw new ProofError('checkpoint_not_found', `The log has ${size} batches, not ${to}`);
    return (await this.#logTree.consistency(from, to)).map(toHex);
  }

  /** The signed note of the log at a size, or the newest signed one; undefined when there is none. */
  async checkpoint(size: number | 'latest'): Promise<string | undefined> {
    const { batches } = this.parts;
    if (size !== 'latest')
      return Number.isSafeInteger(size) && size > 0
        ? (await batches.byNumber(size - 1))?.checkpoint
        : undefined;
    const head = await batches.head();
    if (head === undefined || head.checkpoint !== undefined) return head?.checkpoint;
    // The newest batches may still wait for their signature; checkpoints are signed in order.
    const [waiting] = await batches.unsigned();
    const before = (waiting?.number ?? head.number) - 1;
    return before < 0 ? undefined : (await batches.byNumber(before))?.checkpoint;
  }

  async #entry(id: string): Promise<StoredEntry> {
    return found(await this.parts.entries.get(id));
  }

  async #batchOf(entry: Sealed<EntryLeaf>): Promise<StoredBatch> {
    return (await this.#sealedReads.batch(entry.batch.number)) ?? notBatched();
  }

  #path(batch: StoredBatch, index: number): Promise<Uint8Array[]> {
    const { profile, count } = batch;
    const readTile: TileReader = (level, tile) => this.#sealedReads.tile(batch, level, tile);
    return inclusionProofFromTiles(profile, count, index, readTile, this.#hashing);
  }

  async #evidence({ number, logLeaf }: StoredBatch): Promise<BundleEvidence[]> {
    const { anchors, anchorIds } = this.parts;
    const known = await Promise.all(
      anchorIds.map((anchor) => anchors.evidence(anchor, BigInt(number + 1))),
    );
    return Promise.all(
      known
        .filter((found) => found !== undefined)
        .map(async ({ size, evidence }) => ({
          log: await this.#logTree.place(number, logLeaf, Number(size)),
          evidence,
        })),
    );
  }
}

function found<E>(entry: E | undefined): E {
  if (entry === undefined) throw new ProofError('log_not_found', 'Log not found');
  return entry;
}

function sealed<E extends EntryLeaf>(entry: E): Sealed<E> {
  return { ...entry, batch: entry.batch ?? notBatched() };
}

function notBatched(): never {
  throw new ProofError('log_not_batched', 'Log has not been assigned to a batch yet');
}
