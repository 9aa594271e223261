import * as fc from 'fast-check';
import { AckOrder } from '../../src/ack-order.js';
import { Backoff } from '../../src/client/backoff.js';
import { Room } from '../../src/client/room.js';

describe('the order of acknowledgements', () => {
  it('is that of arrival, whatever order they are settled in, and each is given once', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat(65_535), { minLength: 1, maxLength: 30 }),
        fc.gen(),
        (ids, gen) => {
          const order = new AckOrder<string>();
          for (const id of ids) expect(order.expect(id)).toBe(true);
          const given: number[] = [];
          for (const id of gen(() => fc.shuffledSubarray(ids, { minLength: ids.length }))) {
            expect(order.expect(id)).toBe(false);
            given.push(...order.settle(id, 'ok').map(([one]) => one));
            expect(given).toEqual(ids.slice(0, given.length));
          }
          expect(given).toEqual(ids);
          expect(order.blocked).toBe(0);
          expect(order.settle(ids[0]!, 'again')).toEqual([]);
        },
      ),
    );
  });

  it('lets pass what waits for one that is not settled', () => {
    const order = new AckOrder<string>();
    for (const id of [1, 2, 3]) order.expect(id);
    expect(order.settle(3, 'c')).toEqual([]);
    expect(order.blocked).toBe(1);
    expect(order.pass()).toEqual([[3, 'c']]);
    expect(order.blocked).toBe(0);
    expect(order.expect(3)).toBe(true);
    order.settle(2, 'b');
    expect(order.settle(1, 'a')).toEqual([
      [1, 'a'],
      [2, 'b'],
    ]);
  });
});

describe('room', () => {
  it('is never exceeded, is used when there is some, and is given in order', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(120), { maxLength: 40 }), (sizes) => {
        const room = new Room(3, 100);
        const entered: number[] = [];
        sizes.forEach((size, index) => room.enter(size, () => entered.push(index)));
        let left = 0;
        while (left < entered.length) {
          expect(room.count).toBeLessThanOrEqual(3);
          if (room.count > 1) expect(room.bytes).toBeLessThanOrEqual(100);
          room.leave(sizes[entered[left]!]!);
          left += 1;
        }
        expect(entered).toEqual(sizes.map((_, index) => index));
        expect([room.count, room.bytes, room.waiting]).toEqual([0, 0, 0]);
      }),
    );
  });
});

describe('waits between attempts', () => {
  it('double up to a limit, lie between half and all of it, and begin anew after a success', () => {
    const least = new Backoff(500, 30_000, () => 0);
    const most = new Backoff(500, 30_000, () => 1);
    expect([1, 2, 3, 4, 5, 6, 7, 8].map(() => most.nextMs())).toEqual([
      500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000,
    ]);
    expect([1, 2, 3].map(() => least.nextMs())).toEqual([250, 500, 1_000]);
    least.reset();
    expect(least.nextMs()).toBe(250);
    for (let attempt = 0; attempt < 2_000; attempt += 1) most.nextMs();
    expect(most.nextMs()).toBe(30_000);
  });
});
