import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { nativeSha256 } from '../../src/ingestion/native-sha256.js';
import { sha256 } from '../../src/verify/sha256.js';

describe('The native SHA-256', () => {
  it('gives the same 32 bytes as the verifier, in memory of its own', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const [first, second] = [nativeSha256(bytes), nativeSha256(bytes)];
        expect(Buffer.from(first)).toEqual(Buffer.from(sha256(bytes)));
        first.fill(0);
        expect(Buffer.from(second)).toEqual(Buffer.from(sha256(bytes)));
      }),
    );
  });
});
