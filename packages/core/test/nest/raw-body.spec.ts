import { describe, expect, it } from '@jest/globals';
import { PassThrough } from 'node:stream';
import { BodiesComingIn, readBody, RefusedBody } from '../../src/nest/http/raw-body.js';

const incoming = () => Object.assign(new PassThrough(), { headers: {} });

describe('Bodies that are coming in', () => {
  it('are bounded together, and the one that takes longest gives way', async () => {
    const comingIn = new BodiesComingIn(100);
    const slow = incoming();
    const quick = incoming();
    const slowBody = readBody(slow, 90, comingIn);
    const quickBody = readBody(quick, 90, comingIn);
    slow.write(Buffer.alloc(60));
    await new Promise(setImmediate);
    quick.end(Buffer.alloc(60));
    expect(await quickBody).toHaveLength(60);
    const refused = await slowBody;
    expect(refused).toBeInstanceOf(RefusedBody);
    expect((refused as RefusedBody).problem).toMatchObject({
      status: 429,
      code: 'throttled',
      headers: { connection: 'close', 'retry-after': '1' },
    });
  });

  it('give back what they held when they are complete, refused or cut off', async () => {
    const comingIn = new BodiesComingIn(100);
    for (let round = 0; round < 2; round += 1) {
      const cut = incoming();
      const cutBody = readBody(cut, 90, comingIn);
      cut.write(Buffer.alloc(60));
      await new Promise(setImmediate);
      cut.destroy(new Error('ECONNRESET'));
      // Who sends less than it said is no failure of the gateway.
      await expect(cutBody).rejects.toMatchObject({ status: 400, code: 'body_incomplete' });
      const large = incoming();
      const largeBody = readBody(large, 90, comingIn);
      large.write(Buffer.alloc(91));
      expect(await largeBody).toMatchObject({ problem: { status: 413 } });
      const good = incoming();
      const goodBody = readBody(good, 90, comingIn);
      good.end(Buffer.alloc(90));
      expect(await goodBody).toHaveLength(90);
      expect(comingIn.heldBytes).toBe(0);
    }
  });
});
