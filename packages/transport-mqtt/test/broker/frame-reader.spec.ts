import { describe, expect, test } from '@jest/globals';
import { SeededRandom } from '@wattproof/core/simulator';
import { generate } from 'mqtt-packet';
import { type Frame, FrameReader } from '../../src/broker/frame-reader.js';

const packet = (length: number): Buffer =>
  generate({
    cmd: 'publish',
    topic: 't',
    payload: Buffer.alloc(length, length),
    qos: 0,
    dup: false,
    retain: false,
  });

describe('FrameReader', () => {
  test('finds the same packets however the bytes are cut', () => {
    const random = new SeededRandom(11);
    for (let round = 0; round < 200; round += 1) {
      const packets = Array.from({ length: 8 }, () => packet(Math.floor(random.between(0, 400))));
      const bytes = Buffer.concat(packets);
      const reader = new FrameReader(1_024);
      const found: Frame[] = [];
      for (let at = 0; at < bytes.length;) {
        const size = 1 + Math.floor(random.between(0, round % 2 === 0 ? 3 : 600));
        found.push(...reader.push(Buffer.from(bytes.subarray(at, at + size))));
        at += size;
      }
      expect(found.map((frame) => frame.bytes.toString('hex'))).toEqual(
        packets.map((one) => one.toString('hex')),
      );
      expect(reader.partialBytes).toBe(0);
    }
  });

  test('keeps what has come, not what was announced, and refuses by the announcement', () => {
    const reader = new FrameReader(1_000_000);
    reader.push(Buffer.from([0x30, 0xa0, 0x8d, 0x06]));
    expect(reader.partialBytes).toBe(4);
    expect(() => new FrameReader(99).push(Buffer.from([0x30, 0x63]))).toThrow(
      expect.objectContaining({ code: 'packet_too_large' }),
    );
    const first = new FrameReader(1_000, 10);
    expect(() => first.push(packet(20))).toThrow(
      expect.objectContaining({ code: 'packet_too_large' }),
    );
    // Together with a small first one.
    const both = new FrameReader(1_000, 10);
    expect(both.push(Buffer.concat([packet(2), packet(20)]))).toHaveLength(2);
    expect(new FrameReader(99).push(Buffer.from([0x30, 0x61]))).toEqual([]);
  });
});
