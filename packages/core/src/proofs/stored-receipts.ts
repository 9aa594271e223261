import type { StoredReceipt } from '../ingestion/ingest.store.js';
import type { EntryStore } from '../logs/entry.store.js';
import { toHex } from '../verify/bytes.js';
import { flatLeaves, nextLevel } from '../verify/merkle-levels.js';
import { type NoteKey, parseVkey } from '../verify/note.js';
import type { Receipt } from '../verify/receipt.js';
import { HASH_BYTES, type Hashing, pairHasher } from '../verify/tree-hashing.js';
import { RecentlyUsed } from './recently-used.js';

/** How much is remembered. */
const CAPACITY = {
  /** Trees of groups, 64 KiB for one of a thousand receipts. */
  groups: 512,
  /** Keys that signed receipts. */
  keys: 16,
};

/** Stored receipts as their holders got them. The trees of their groups are kept: neighbours in a batch mostly share one. */
export class StoredReceipts {
  /** Rows of nodes from the leaves to the root, by the group's signature, which no other group has. */
  readonly #trees: RecentlyUsed<readonly Uint8Array[]>;
  readonly #keys: RecentlyUsed<NoteKey>;

  constructor(
    private readonly parts: {
      readonly entries: Pick<EntryStore, 'claim' | 'receipt'>;
      readonly origin: string;
      readonly hashing: Hashing;
    },
    capacity = CAPACITY,
  ) {
    this.#trees = new RecentlyUsed(capacity.groups);
    this.#keys = new RecentlyUsed(capacity.keys);
  }

  /** The receipt of the entry's newest verdict; undefined when it is unknown. */
  async of(entryId: string): Promise<Receipt | undefined> {
    const { entries } = this.parts;
    const claim = await entries.claim(entryId);
    if (claim === undefined) return undefined;
    const known = this.#trees.get(toHex(claim.signature));
    if (known !== undefined) return this.#receipt(claim, known);
    // With the leaves. There may be a newer verdict by now.
    const stored = await entries.receipt(entryId);
    if (stored === undefined) return undefined;
    const tree = this.#tree(stored.leaves);
    this.#trees.set(toHex(stored.signature), tree);
    return this.#receipt(stored, tree);
  }

  #receipt(stored: Omit<StoredReceipt, 'leaves'>, tree: readonly Uint8Array[]): Receipt {
    const { keyId, ruleSet: rules, index, signature } = stored;
    const { entryId, logHash, verdict, committedAtMs, includeByMs, durability } = stored;
    const key = this.#keys.get(keyId) ?? parseVkey(keyId);
    this.#keys.set(keyId, key);
    return {
      origin: this.parts.origin,
      entryId,
      logHash,
      verdict,
      rules,
      committedAtMs,
      includeByMs,
      durability,
      index,
      size: tree[0]!.length / HASH_BYTES,
      path: pathIn(tree, index),
      key,
      signature,
    };
  }

  #tree(leaves: readonly Uint8Array[]): readonly Uint8Array[] {
    const hashPairs = pairHasher('rfc9162', this.parts.hashing);
    const rows = [flatLeaves(leaves)];
    for (let count = leaves.length; count > 1;) {
      const row = new Uint8Array(Math.ceil(count / 2) * HASH_BYTES);
      count = nextLevel('rfc9162', hashPairs, rows.at(-1)!, 0, count, row);
      rows.push(row);
    }
    return rows;
  }
}

/** Siblings of leaf `index`, leaf to root. An odd last node moves up without one (RFC 9162 §2.1.1). */
function pathIn(tree: readonly Uint8Array[], index: number): Uint8Array[] {
  const path: Uint8Array[] = [];
  let at = index;
  for (const row of tree.slice(0, -1)) {
    const from = (at % 2 === 1 ? at - 1 : at + 1) * HASH_BYTES;
    if (from < row.length) path.push(row.slice(from, from + HASH_BYTES));
    at = Math.floor(at / 2);
  }
  return path;
}
