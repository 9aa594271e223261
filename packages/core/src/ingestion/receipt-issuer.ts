import type { Clock, DurabilityClass, Signer } from '../spi/index.js';
import type { JsonObject } from '../verify/contracts.js';
import { receiptKeyName, receiptsMessage } from '../verify/receipt.js';
import { sha256Of, type Hashing } from '../verify/tree-hashing.js';
import type { IngestRow, IssuedReceipts, StoredReceipt } from './ingest.store.js';
import { MerklePaths } from './merkle-paths.js';
import { ReceiptGroup } from './receipt-group.js';

/** What the receipts of one group share, kept as long as somebody holds the group's leaves. */
interface KnownGroup {
  readonly tree: MerklePaths;
  readonly text: ReceiptGroup;
  readonly signature: string;
}

/** The receipt key is not the one whose name the receipts of this log carry. */
export class ReceiptKeyError extends Error {
  override readonly name = 'ReceiptKeyError';
  readonly code = 'receipt_key_name';
}

/** Signs receipts, once for a group, and writes stored ones again byte for byte. */
export class ReceiptIssuer {
  // Keyed by the leaves of a group: its receipts share them, and the rest goes when they go.
  private readonly groups = new WeakMap<readonly Uint8Array[], KnownGroup>();

  constructor(
    private readonly parts: {
      readonly origin: string;
      /** The key `<origin>/receipts`. */
      readonly signer: Signer;
      readonly clock: Clock;
      readonly hashing: Hashing;
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
    const { origin, signer, clock, hashing, durability, includeWithinMs } = this.parts;
    const sha256 = sha256Of(hashing);
    const committedAtMs = clock.nowMs();
    const includeByMs = committedAtMs + includeWithinMs;
    const text = new ReceiptGroup({ origin, committedAtMs, includeByMs, durability });
    const leaves = rows.map(({ row, entryId }) => {
      const { logHash, verdict, ruleSet: rules } = row;
      return text.leaf({ entryId, logHash, verdict, rules }, sha256);
    });
    const tree = new MerklePaths(leaves, hashing);
    const { root } = tree;
    const signature = await signer.sign(receiptsMessage(origin, root));
    this.groups.set(leaves, { tree, text, signature: base64(signature) });
    // The whole verifier key is kept as its id: a receipt can be written again after any change of keys.
    return { committedAtMs, includeByMs, keyId: signer.vkey, signature, root, leaves };
  };

  /** The receipt as its holder gets it: the same for the same stored receipt, always. */
  readonly receiptJson = (stored: StoredReceipt): JsonObject => {
    const { entryId, logHash, verdict, ruleSet: rules, leaves, index, keyId: vkey } = stored;
    const { tree, text, signature } = this.group(stored);
    const place = { index, size: leaves.length, path: tree.hexPath(index) };
    return text.json({ entryId, logHash, verdict, rules }, place, { vkey, signature });
  };

  private group(stored: StoredReceipt): KnownGroup {
    const { leaves, committedAtMs, includeByMs, durability } = stored;
    let group = this.groups.get(leaves);
    if (group === undefined) {
      const { origin, hashing } = this.parts;
      group = {
        tree: new MerklePaths(leaves, hashing),
        text: new ReceiptGroup({ origin, committedAtMs, includeByMs, durability }),
        signature: base64(stored.signature),
      };
      this.groups.set(leaves, group);
    }
    return group;
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
