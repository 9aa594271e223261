import { nativeHashing } from '../../../src/batching/native-sha256.js';
import { logHash } from '../../../src/verify/tree-hashing.js';

describe('log hashes of the host', () => {
  it('are those of the verifier at every length, also beyond the reused buffer, and are not overwritten', () => {
    const kept = [0, 1, 400, 5, 65_535, 65_536, 65_537, 100_000].map((length) => {
      const bytes = new Uint8Array(length).map((_, i) => (i * 7 + length) & 255);
      return [logHash(bytes, nativeHashing), logHash(bytes)] as const;
    });
    for (const [native, pure] of kept) expect(native).toEqual(pure);
  });
});
