import type { Clock, DurabilityClass, Signer } from '../spi/index.js';
import type { JsonObject, Sha256 } from '../verify/contracts.js';
import { parseVkey, type NoteKey } from '../verify/note.js';
import {
  receiptJson,
  receiptKeyName,
  receiptLeaf,
  receiptsMessage,
  type ReceiptClaim,
} from '../verify/receipt.js';
import type { IngestRow, IssuedReceipts, StoredReceipt } from './ingest.store.js';
import { MerklePaths } from './merkle-paths.js';

/** The receipt key is not the one whose name the receipts of this log carry. */
export class ReceiptKeyError extends Error {
  override readonly name = 'ReceiptKeyError';
  readonly code = 'receipt_key_name';
}

/** Signs receipts, once for a group, and writes stored ones again byte for byte. */
export class ReceiptIssuer {
  // Keyed by the leaves of a group: its receipts share them, and the tree goes when they go.
  private readonly trees = new WeakMap<readonly Uint8Array[], MerklePaths>();
  private readonly keys = new Map<string, NoteKey>();

  constructor(
    private readonly parts: {
      readonly origin: string;
      /** The key `<origin>/receipts`. */
      readonly signer: Signer;
      readonly clock: Clock;
      readonly sha256: Sha256;
      readonly durability: DurabilityClass;
      readonly includeWithinMs: number;
    },
  ) {
    const expected = receiptKeyName(parts.origin);
    if (parts.signer.name !== expected)
      throw new ReceiptKeyError(`receipts are signed by ${expected}, got ${parts.signer.name}`);
  }

  /** Receipts of the rows of one group, for `IngestStore.commit`. May be called again for the same group. */
  readonly issue = async (
    rows: readonly { readonly row: IngestRow; readonly entryId: string }[],
  ): Promise<IssuedReceipts> => {
    const { origin, signer, clock, sha256, durability, includeWithinMs } = this.parts;
    const committedAtMs = clock.nowMs();
    const includeByMs = committedAtMs + includeWithinMs;
    const leaves = rows.map(({ row, entryId }) => {
      const { logHash, verdict, ruleSet: rules } = row;
      const claim = { origin, entryId, logHash, verdict, rules };
      return receiptLeaf({ ...claim, committedAtMs, includeByMs, durability }, sha256);
    });
    const tree = new MerklePaths(leaves, sha256);
    this.trees.set(leaves, tree);
    const { root } = tree;
    const signature = await signer.sign(receiptsMessage(origin, root));
    // The whole verifier key is kept as its id: a receipt can be written again after any change of keys.
    return { committedAtMs, includeByMs, keyId: signer.vkey, signature, root, leaves };
  };

  /** The receipt as its holder gets it: the same for the same stored receipt, always. */
  readonly receiptJson = (stored: StoredReceipt): JsonObject => {
    const { entryId, logHash, verdict, ruleSet: rules, leaves, index, signature } = stored;
    const { committedAtMs, includeByMs, durability } = stored;
    const claim: ReceiptClaim = {
      origin: this.parts.origin,
      entryId,
      logHash,
      verdict,
      rules,
      committedAtMs,
      includeByMs,
      durability,
    };
    let tree = this.trees.get(leaves);
    if (tree === undefined) {
      tree = new MerklePaths(leaves, this.parts.sha256);
      this.trees.set(leaves, tree);
    }
    const path = tree.path(index);
    const key = this.key(stored.keyId);
    return receiptJson({ ...claim, index, size: leaves.length, path, key, signature });
  };

  private key(vkey: string): NoteKey {
    let key = this.keys.get(vkey);
    if (key === undefined) {
      key = parseVkey(vkey);
      this.keys.set(vkey, key);
    }
    return key;
  }
}
