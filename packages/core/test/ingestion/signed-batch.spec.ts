import { nativeHashing } from '../../src/hashing/native-hashing.js';
import { signedBatchTree } from '../../src/ingestion/signed-batch.js';
import { batchItemLeaf, batchItemNonce } from '../../src/verify/device-signing.js';
import { inclusionProof, merkleRoot } from '../../src/verify/index.js';
import { sha256 } from '../../src/verify/sha256.js';

describe('The tree of a signed batch', () => {
  it.each([
    ['of the host', nativeHashing],
    ['of the verifier', sha256],
  ])('has the nonces, paths and root of the verifier with the hashing %s', (_, hashing) => {
    for (const [count, nonceBytes] of [
      [1, 16],
      [2, 32],
      [300, 64],
      [5, 65],
    ] as const) {
      const batchNonce = new Uint8Array(nonceBytes).fill(0xa5);
      const logHashes = Array.from({ length: count }, (__, i) => sha256(Uint8Array.of(i, count)));
      const { nonces, tree } = signedBatchTree(batchNonce, logHashes, hashing);
      const expected = logHashes.map((_hash, i) => batchItemNonce(batchNonce, i));
      expect(nonces).toEqual(expected);
      const leaves = logHashes.map((hash, i) => batchItemLeaf(expected[i]!, hash));
      expect(tree.root).toEqual(merkleRoot('rfc9162', leaves));
      const last = count - 1;
      expect(tree.path(last)).toEqual(inclusionProof('rfc9162', leaves, last));
    }
  });
});
