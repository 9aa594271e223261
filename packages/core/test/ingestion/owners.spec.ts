import { describe, expect, it } from '@jest/globals';
import { openFixture } from './ingestion-fixture.js';
import { TestDevice } from './test-devices.js';

const NOON = Date.UTC(2026, 10, 21, 12);
const SECOND = 1000;

/** A meter that was ada's until noon, and is bob's. */
async function handedOver(more: object = {}) {
  const device = new TestDevice('meter-1');
  const formerOwners = [{ accountId: 'ada', untilMs: NOON }];
  const meter = device.stored('active', { accountId: 'bob', formerOwners, ...more });
  const devices = { unsigned: 'accept' };
  const fixture = await openFixture({ nowMs: NOON + 60 * SECOND, meters: [meter], devices });
  const owners = async () =>
    (await fixture.store.entries.list({ limit: 100 })).items.map(({ accountId }) => accountId);
  return { device, fixture, owners };
}

describe('Readings of a meter that changed hands', () => {
  it('belong to whose it was when their interval began, to the millisecond', async () => {
    const { device, fixture, owners } = await handedOver();
    const second = (startsMs: number) => ({
      ...device.reading(startsMs + 1),
      start: new Date(startsMs).toISOString(),
    });
    for (const startsMs of [NOON - 2, NOON - 1, NOON, NOON + 1]) {
      const answer = await fixture.send(device.signed(second(startsMs)));
      expect(answer).toMatchObject({ items: [{ verdict: 'accepted' }] });
    }
    expect(await owners()).toEqual(['ada', 'ada', 'bob', 'bob']);
  });

  it('come unsigned from whose they are, and from nobody else', async () => {
    const { device, fixture, owners } = await handedOver();
    const send = async (accountId: string, endsMs: number) => {
      const answer = await fixture.send(
        { format: 'emlog-1.1', document: device.emlog(endsMs) },
        { accountId },
      );
      const [item] = answer.kind === 'items' ? answer.items : [];
      return item?.reason ?? item?.verdict;
    };
    const [before, after] = [NOON, NOON + 360 * SECOND];
    fixture.clock.ms = after;
    expect(await send('bob', before)).toBe('meter_not_owned');
    expect(await send('ada', before)).toBe('accepted');
    expect(await send('ada', after)).toBe('meter_not_owned');
    expect(await send('bob', after)).toBe('accepted');
    expect(await owners()).toEqual(['ada', 'bob']);
  });
});

describe('A meter that was let in and is retired', () => {
  it('sends nothing any more, signed or not; one that was turned down is nobody’s', async () => {
    for (const [admitted, unsigned] of [
      [true, 'meter_retired'],
      [false, 'accepted'],
    ] as const) {
      const { device, fixture } = await handedOver({ state: 'retired', admitted });
      const reasonOf = async (body: object) => {
        const answer = await fixture.send(body, { accountId: 'bob' });
        const [item] = answer.kind === 'items' ? answer.items : [];
        return item?.reason ?? item?.verdict;
      };
      expect(await reasonOf(device.signed(device.reading(NOON)))).toBe('meter_retired');
      const emlog = { format: 'emlog-1.1', document: device.emlog(NOON + 300 * SECOND) };
      fixture.clock.ms = NOON + 300 * SECOND;
      expect(await reasonOf(emlog)).toBe(unsigned);
    }
  });
});
