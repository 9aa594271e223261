import { afterEach, describe, expect, it } from '@jest/globals';
import type { Caller, Callers, Credential, InboundMessage, Ingest } from '../../src/spi/index.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { startTestGateway, type TestGateway } from '../../src/testing/start-test-gateway.js';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { connectMessage } from '../../src/verify/device-signing.js';
import { TestDevice, TestKey } from '../ingestion/test-devices.js';
import { testTransport } from '../nest/test-transport.js';

const house = new TestDevice('house');
const neighbour = new TestDevice('neighbour');
const owner = { accountId: 'alice' };

describe('Callers', () => {
  let gateway: TestGateway | undefined;
  afterEach(() => gateway?.stop());

  /** A gateway with two registered meters, and what it lends a transport. */
  async function open(devices: object = {}) {
    const clock = new FakeClock();
    let callers: Callers | undefined;
    let quarter = 0;
    gateway = await startTestGateway({
      clock,
      config: { devices },
      parts: {
        plugins: [
          testTransport('lent', { callers: true }, (lent) => {
            callers = lent.callers;
          }),
        ],
      },
    });
    const { services } = gateway;
    await services.store.meters.register(house.stored('active', owner), unjournaled);
    await services.store.meters.register(neighbour.stored('active'), unjournaled);
    const ingest: Ingest = services.transportIngest;
    const issue = async (more: object) => {
      const request = { accountId: 'alice', role: 'owner' as const, ...more };
      return services.apiKeys.issue(request, 'admin');
    };
    return {
      clock,
      services,
      callers: callers!,
      issue,
      deviceKey: () => issue({ role: 'device', meterId: house.meterId }),
      byKey: async (key: string) => (await callers!.authenticate({ kind: 'api-key', key }))!,
      /** Verdict or reason of an unsigned reading of the next quarter of an hour, and what it is worth. */
      async send(meter: TestDevice, more: Partial<InboundMessage> = {}) {
        const document = meter.reading(clock.nowMs() - (quarter += 1) * 900_000);
        const answer = await ingest.accept({
          contentType: 'application/json',
          bytes: Buffer.from(JSON.stringify({ format: 'reading/1', document })),
          assurance: 'unsigned',
          ...more,
        });
        if (answer.kind !== 'items') return [answer.kind, answer.code];
        const [item] = answer.items;
        const entry = item?.id == null ? undefined : await services.store.entries.get(item.id);
        return [item?.reason ?? item?.verdict, entry?.assurance];
      },
      /** The credential of a device that signs for its connection. */
      signed(key: TestKey, challenge: string, origin = services.origin): Credential {
        const signature = key.sign(connectMessage(origin, key.keyId, challenge));
        return { kind: 'device-signature', keyId: key.keyId, challenge, signature };
      },
    };
  }

  it('with a device key send unsigned readings of their meter and of no other', async () => {
    const { deviceKey, byKey, send, callers } = await open();
    const caller = await byKey((await deviceKey()).key);
    expect(caller).toMatchObject({ kind: 'device', id: 'house', meterIds: ['house'], ...owner });
    expect(await send(house, { caller })).toEqual(['accepted', 'transport']);
    expect(await send(neighbour, { caller })).toEqual(['meter_mismatch', undefined]);
    expect(await send(house)).toEqual(['device_signature_required', undefined]);
    expect(await callers.maySpeakFor(caller, 'house')).toBe(true);
    expect(await callers.maySpeakFor(caller, 'neighbour')).toBe(false);
  });

  it('whose key is revoked are refused at the next message', async () => {
    const { deviceKey, byKey, send, callers, services } = await open();
    const { key, stored } = await deviceKey();
    const caller = await byKey(key);
    expect(await callers.isValid(caller)).toBe(true);
    await services.apiKeys.revoke(stored.id, 'admin');
    expect(await callers.isValid(caller)).toBe(false);
    expect(await send(house, { caller })).toEqual(['refused', 'caller_invalid']);
    expect(await byKey(key)).toBeUndefined();
  });

  it('that a plugin made up are nobody', async () => {
    const { deviceKey, byKey, send, callers } = await open({ unsigned: 'accept' });
    const copy: Caller = { ...(await byKey((await deviceKey()).key)) };
    expect(await callers.isValid(copy)).toBe(false);
    expect(await callers.maySpeakFor(copy, 'house')).toBe(false);
    expect(await send(house, { caller: copy })).toEqual(['refused', 'caller_invalid']);
    const made = { device: { meterId: 'house', ...owner }, ...owner, everyAccount: true };
    expect(await send(house, made as object)).toEqual(['device_signature_required', undefined]);
    const signed = { assurance: 'device-signature', vouchesFor: ['house'] };
    expect(await send(house, signed as object)).toEqual(['device_signature_required', undefined]);
  });

  it('are known by the signature of a device key over a challenge, once', async () => {
    const { callers, signed, send, clock } = await open();
    for (const challenge of [await callers.challenge(), `${clock.nowMs()}.${'ab'.repeat(16)}`]) {
      const credential = signed(house.key, challenge);
      const caller = (await callers.authenticate(credential))!;
      expect(caller).toMatchObject({ kind: 'device', id: house.key.keyId, meterIds: ['house'] });
      expect(await send(house, { caller })).toEqual(['accepted', 'transport']);
      expect(await send(neighbour, { caller })).toEqual(['meter_mismatch', undefined]);
      expect(await callers.authenticate(credential)).toBeUndefined();
    }
  });
});
