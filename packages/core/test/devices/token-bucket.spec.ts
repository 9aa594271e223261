import { describe, expect, it } from '@jest/globals';
import { TokenBuckets } from '../../src/devices/token-bucket.js';
import { TestClock } from '../ingestion/ingestion-fixture.js';

const rate = { perSecond: 10, burst: 5, sources: 2 };

describe('Token buckets', () => {
  it('give the burst at once, then the rate, and say how long to wait', () => {
    const clock = new TestClock(0);
    const buckets = new TokenBuckets(clock, rate);
    expect(buckets.take('a', 5)).toBe(0);
    expect(buckets.take('a', 1)).toBe(100);
    clock.ms += 99;
    expect(buckets.take('a', 1)).toBe(1);
    clock.ms += 1;
    expect(buckets.take('a', 1)).toBe(0);
    expect(buckets.take('b', 5)).toBe(0);
  });

  it('take more than the burst from a full bucket only', () => {
    const clock = new TestClock(0);
    const buckets = new TokenBuckets(clock, rate);
    expect(buckets.take('a', 50)).toBe(0);
    expect(buckets.take('a', 50)).toBe(500);
  });

  it('do not run backwards with the clock', () => {
    const clock = new TestClock(1000);
    const buckets = new TokenBuckets(clock, rate);
    buckets.take('a', 5);
    clock.ms = 0;
    expect(buckets.take('a', 1)).toBe(100);
  });

  it('remember a bounded number of sources', () => {
    const buckets = new TokenBuckets(new TestClock(0), rate);
    for (const source of ['a', 'b', 'c', 'd']) buckets.take(source, 5);
    expect(buckets.size).toBe(2);
    expect(buckets.take('d', 1)).toBe(100);
  });
});
