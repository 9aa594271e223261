import { describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { FileDigest } from '../../src/imports/file-digest.js';

describe('The SHA-256 of a file that comes part by part', () => {
  const bytes = Uint8Array.from({ length: 300 }, (_, at) => (at * 31) % 251);

  it('is that of the whole, however long it is and wherever it was cut', () => {
    for (let length = 0; length <= bytes.length; length += 1) {
      const whole = bytes.subarray(0, length);
      const cut = Math.floor(length / 3);
      const first = new FileDigest().update(whole.subarray(0, cut));
      const next = new FileDigest({ kept: first.kept, bytes: cut }).update(whole.subarray(cut));
      expect(next.end()).toBe(createHash('sha256').update(whole).digest('hex'));
    }
  });

  it('goes on from less than a block more than it needs', () => {
    let kept = '';
    for (const at of bytes.keys()) {
      kept = new FileDigest({ kept, bytes: at }).update(bytes.subarray(at, at + 1)).kept;
      expect(kept.length).toBeLessThan(2 * (32 + 64));
    }
    const digest = new FileDigest({ kept, bytes: bytes.length }).end();
    expect(digest).toBe(createHash('sha256').update(bytes).digest('hex'));
  });
});
