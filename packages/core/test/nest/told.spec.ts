import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { isEventType } from '../../src/events/event-types.js';
import { SimulatedDevice } from '../../src/simulator/simulated-device.js';
import type { FakeClock } from '../../src/testing/fake-clock.js';
import { startTestGateway, type TestGateway } from '../../src/testing/start-test-gateway.js';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { recoverMessage, rotateMessage } from '../../src/verify/device-signing.js';
import { TestDevice, TestKey } from '../ingestion/test-devices.js';
import { ask } from './hosts.js';

const QUARTER_MS = 900_000;

describe('What people are told', () => {
  let gateway: TestGateway;
  let api: string;
  const key = new Map<string, string>();
  const solar = new TestDevice('solar of ada');
  const shaky = new TestDevice('shaky of ada');
  let endsMs: number;

  beforeAll(async () => {
    gateway = await startTestGateway({
      config: {
        devices: { registration: 'open', unsigned: 'accept' },
        claims: { minAssurance: 'unsigned' },
      },
      parts: { plugins: [] },
    });
    api = `${gateway.url}/api/v1`;
    for (const [account, role] of [
      ['ada', 'owner'],
      ['bob', 'owner'],
      ['operators', 'operator'],
      ['admins', 'admin'],
    ] as const) {
      const body = { account_id: account, role };
      const { json } = await ask(`${api}/admin/api-keys`, { body, key: gateway.adminKey });
      key.set(account, json.key);
    }
    const { meters } = gateway.services.store;
    await meters.register(solar.stored('active', { accountId: 'ada', ratingW: 8000 }), unjournaled);
    await meters.register(shaky.stored('active', { accountId: 'ada' }), unjournaled);
    endsMs = Math.floor(gateway.clock.nowMs() / QUARTER_MS) * QUARTER_MS;
  });
  afterAll(() => gateway.stop());

  const post = async (who: string, path: string, body: object = {}) => {
    const { status, json } = await ask(`${api}${path}`, { body, key: key.get(who)! });
    expect([path, status < 300 ? '' : json]).toEqual([path, '']);
    return json;
  };
  /** Sentences an account has not read yet; now it has. */
  const told = async (who: string): Promise<readonly string[]> => {
    await gateway.settle();
    const { notices } = (await ask(`${api}/notices?unread=true`, { key: key.get(who)! })).json;
    for (const { id } of notices) await post(who, `/notices/${id}/read`);
    return notices.map(({ text }: { text: string }) => text).toReversed();
  };
  const send = async (device: TestDevice, more: object = {}) =>
    (await ask(`${api}/readings`, { body: device.signed(device.reading(endsMs, more)) })).json;
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
  const nonce = async (): Promise<string> => (await post('ada', '/meters/challenge')).nonce;

  it('is who else wants to be the owner of their meter', async () => {
    const thief = new SimulatedDevice('another key');
    const challenge = await nonce();
    const answer = await ask(`${api}/meters/register`, {
      key: key.get('bob')!,
      body: {
        meter_id: solar.meterId,
        public_key: thief.publicKey,
        alg: 'Ed25519',
        proof_of_possession: {
          nonce: challenge,
          signature: thief.proveWith(gateway.services.origin, solar.meterId, challenge),
        },
      },
    });
    expect(answer.json.code).toBe('meter_taken');
    expect(await told('ada')).toEqual([
      expect.stringMatching(/^Somebody else tried to register your meter solar of ada/),
    ]);
    expect(await told('bob')).toEqual([]);
  });

  it('is that two of them read the same meter, each of their own', async () => {
    const nobodys = new TestDevice('nobody’s meter');
    const claim = (who: string, more: object) =>
      post(who, '/readings', { format: 'reading/1', document: nobodys.reading(endsMs, more) });
    expect((await claim('ada', {})).verdict).toBe('accepted');
    expect((await claim('bob', { import_kwh: '7' })).verdict).toBe('quarantined');
    expect(await told('ada')).toEqual([expect.stringContaining('Yours stands; theirs is held')]);
    expect(await told('bob')).toEqual([
      expect.stringContaining('is held for review: somebody else has one within 15 minutes'),
    ]);
  });

  it('is what an operator makes of a held reading', async () => {
    const held = async (seq: number): Promise<string> =>
      (await send(shaky, { seq, ...above(seq) })).id;
    const above = (quarters: number) => ({
      start: new Date(endsMs - (quarters + 1) * QUARTER_MS).toISOString(),
      end: new Date(endsMs - quarters * QUARTER_MS).toISOString(),
      generation_kwh: '1',
      import_kwh: undefined,
    });
    await gateway.services.meters.setRegisters(
      shaky.meterId,
      [{ name: 'generation', direction: 'consumption' }],
      'admin',
    );
    const [good, bad] = [await held(1), await held(2)];
    expect(await told('ada')).toEqual([
      expect.stringContaining('held for review (direction_mismatch)'),
    ]);
    expect(await told('operators')).toContain(
      'Readings wait in the quarantine inbox (direction_mismatch).',
    );
    await post('operators', `/admin/quarantine/${good}/release`, { reason: 'an old inverter' });
    await post('operators', `/admin/quarantine/${bad}/reject`, { reason: 'no inverter' });
    expect(await told('ada')).toEqual([
      'A reading of meter shaky of ada that was held has been let in (an old inverter). It counts.',
      'A reading of meter shaky of ada that was held has been turned down (no inverter). It counts nothing.',
    ]);
  });

  it('is that a meter contradicts itself', async () => {
    const meter = new TestDevice('liar of ada');
    const { meters } = gateway.services.store;
    await meters.register(meter.stored('active', { accountId: 'ada' }), unjournaled);
    await send(meter, { seq: 7 });
    const second = await send(meter, { seq: 7, import_kwh: '2' });
    expect(second).toMatchObject({ reason: 'sequence_equivocation' });
    const sentences = await told('ada');
    expect(sentences).toContain(
      'Your meter liar of ada gave one sequence number to two different readings. Both are kept as evidence.',
    );
    expect(sentences).toContainEqual(
      expect.stringMatching(/^Nothing of your meter liar of ada may be minted/),
    );
  });

  it('is a shortfall that a correction leaves', async () => {
    const kwh = (amount: string) => ({ import_kwh: undefined, generation_kwh: amount });
    const first = await send(solar, kwh('1'));
    await gateway.settle();
    const line = {
      meterId: solar.meterId,
      register: 'generation',
      startsMs: endsMs - QUARTER_MS,
      energyUWh: 900_000_000n,
    };
    await gateway.services.energyLedger.claim({ purpose: 'token', key: 'k', lines: [line] });
    await told('ada');
    const corrected = await send(solar, { ...kwh('0.5'), supersedes: first.leaf_hash });
    expect(corrected.verdict).toBe('accepted');
    const sentence = 'A correction of meter solar of ada left less energy than had been used.';
    expect(await told('ada')).toEqual([expect.stringContaining(sentence)]);
    expect(await told('operators')).toContain(
      'A correction left a shortfall at meter solar of ada.',
    );
    const { notices } = (await ask(`${api}/notices`, { key: key.get('ada')! })).json;
    expect(notices[0]).toMatchObject({
      type: 'energy.shortfall',
      data: { meter: 'solar of ada', class: 'energy', shortfall_uwh: '400000000' },
    });
  });

  it('is every change of the keys of their meter', async () => {
    const { origin } = gateway.services;
    const next = new TestKey('next of ada');
    const lost = new TestKey('after the loss');
    const message = (challenge: string) =>
      rotateMessage(origin, solar.meterId, solar.key.keyId, next.keyId, challenge);
    const rotation = await nonce();
    await post('ada', `/meters/${solar.meterId}/keys`, {
      public_key: base64(next.spki),
      alg: next.alg,
      nonce: rotation,
      old_key_id: solar.key.keyId,
      signatures: {
        old: base64(solar.key.sign(message(rotation))),
        new: base64(next.sign(message(rotation))),
      },
    });
    expect(await told('ada')).toEqual([expect.stringContaining(`another key (${next.keyId})`)]);
    const challenge = await nonce();
    const asked = await post('ada', `/meters/${solar.meterId}/keys/recovery`, {
      public_key: base64(lost.spki),
      alg: lost.alg,
      nonce: challenge,
      signature: base64(lost.sign(recoverMessage(origin, solar.meterId, lost.keyId, challenge))),
      reason: 'fell into the lake',
    });
    expect(await told('ada')).toEqual([expect.stringContaining('asked for a new key')]);
    expect(await told('operators')).toContainEqual(
      expect.stringContaining('A new key is asked for meter solar of ada'),
    );
    const path = `/admin/meters/${solar.meterId}/keys/recovery/${asked.recovery_id}`;
    await post('admins', `${path}/approve`);
    expect(await told('ada')).toContainEqual(
      expect.stringContaining(`has a new key (${lost.keyId}), as was asked`),
    );
    const revoke = `/meters/${solar.meterId}/keys/${lost.keyId}?reason=sold`;
    await ask(`${api}${revoke}`, { method: 'DELETE', key: key.get('ada')! });
    expect(await told('ada')).toContainEqual(
      expect.stringContaining(`Key ${lost.keyId} does not sign for your meter`),
    );
  });

  it('is what becomes of a meter that is handed over, and that it was suspended', async () => {
    const path = `/meters/${shaky.meterId}/transfer`;
    const { transfer_id } = await post('ada', path, { to_account: 'bob' });
    expect(await told('bob')).toEqual([
      expect.stringContaining('Meter shaky of ada is offered to you'),
    ]);
    await (gateway.clock as FakeClock).advance(QUARTER_MS);
    await post('bob', `${path}/accept`, { transfer_id });
    expect(await told('ada')).toContain('Your offer of meter shaky of ada was accepted.');
    await post('operators', `/admin/meters/${shaky.meterId}/suspend`);
    expect(await told('bob')).toEqual([expect.stringContaining('is now suspended')]);
  });

  it('comes from events that are all listed', async () => {
    const events = await gateway.services.store.outbox.between(
      { fromMs: 0, toMs: 9e15 },
      undefined,
      10_000,
    );
    const types = [...new Set(events.map(({ type }) => type))];
    expect(types.length).toBeGreaterThan(12);
    expect(types.filter((type) => !isEventType(type))).toEqual([]);
  });
});
