import { nativeSha256 } from '../../src/hashing/native-hashing.js';
import { signedBatchTree } from '../../src/ingestion/signed-batch.js';
import { toHex } from '../../src/verify/bytes.js';
import {
  chainedBatchMessage,
  chainHash,
  type ChainLink,
} from '../../src/verify/envelopes/index.js';
import { logHash } from '../../src/verify/tree-hashing.js';
import { WrappingDevice } from './wrapping-device.js';

/** A device that numbers its readings and chains its batches. */
export class ChainingDevice extends WrappingDevice {
  /**
   * A batch of the readings `first`, `first` + 1, …: its envelope, and what the next one names. Reading n ends `quarters` − n quarters of an
   * hour before `nowMs`.
   */
  link(
    first: number,
    count: number,
    previous: Uint8Array,
    nowMs: number,
    changed: object = {},
    quarters = 100,
  ): {
    readonly envelope: Record<string, any>;
    readonly hash: Uint8Array;
    readonly link: ChainLink;
  } {
    const documents = Array.from({ length: count }, (_, i) =>
      this.reading(nowMs - (quarters - first - i) * 900_000, { seq: first + i, ...changed }),
    );
    const nonce = Buffer.alloc(16, first);
    const hashes = documents.map((document) => logHash(this.canonical(document)));
    const { root } = signedBatchTree(nonce, hashes, nativeSha256).tree;
    const place = { previous, first: BigInt(first), last: BigInt(first + count - 1) };
    const message = chainedBatchMessage(this.keyId, count, root, place);
    const signature = this.sign(message);
    const envelope = {
      format: 'batch/2',
      batch_nonce: nonce.toString('base64'),
      items: documents.map((document) => ({ format: 'reading/1', document })),
      previous: toHex(previous),
      first,
      last: first + count - 1,
      signature: {
        alg: this.alg,
        key_id: this.keyId,
        value: Buffer.from(signature).toString('base64'),
      },
    };
    return { envelope, hash: chainHash(message), link: { ...place, root, signature } };
  }
}
