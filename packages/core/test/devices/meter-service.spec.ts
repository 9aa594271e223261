import { describe, expect, it } from '@jest/globals';
import { Point } from '@noble/ed25519';
import { DevicesConfig } from '../../src/devices/devices.config.js';
import { nodeBackend } from '../../src/devices/ed25519-backend.js';
import { MeterDirectory } from '../../src/devices/meter-directory.js';
import {
  fingerprintOfMeterId,
  fingerprintOfNameplate,
} from '../../src/devices/meter-fingerprint.js';
import { MeterTransfers } from '../../src/devices/meter-transfers.js';
import { MeterService } from '../../src/devices/meter.service.js';
import { SignatureVerifier } from '../../src/devices/signature-verifier.js';
import { nativeSha256 } from '../../src/hashing/native-hashing.js';
import { openMemoryStore } from '../../src/stores/memory/open-memory-store.js';
import { registerMessage } from '../../src/verify/device-signing.js';
import { encodeSpki, keyIdOf } from '../../src/verify/spki.js';
import { ORIGIN, TestClock, testJournal } from '../ingestion/ingestion-fixture.js';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { TestDevice, TestKey } from '../ingestion/test-devices.js';

const NOW = Date.UTC(2026, 10, 21, 12);

function open(config: object = {}) {
  const clock = new TestClock(NOW);
  const { meters: store, entries, outbox } = openMemoryStore({ clock });
  const directory = new MeterDirectory({ store, clock, maxStaleMs: 200, entries: 1000 });
  let drawn = 0;
  const journal = testJournal(clock);
  const service = new MeterService({
    store,
    directory,
    signatures: new SignatureVerifier(nodeBackend),
    clock,
    random: (length) => Buffer.alloc(length, (drawn += 1)),
    sha256: nativeSha256,
    config: DevicesConfig.parse(config),
    journal,
    origin: ORIGIN,
    accountKnown: async (accountId) => accountId !== 'nobody',
  });
  return { service, store, entries, outbox, directory, clock, journal };
}

const key = new TestKey('a');

function request(nonce: string, more: Record<string, unknown> = {}, origin = ORIGIN, signer = key) {
  const meterId = (more['meter_id'] as string | undefined) ?? 'meter-1';
  const message = registerMessage(origin, meterId, key.keyId, nonce);
  return {
    meter_id: meterId,
    public_key: key.spki.toString('base64'),
    alg: 'Ed25519',
    proof_of_possession: { nonce, signature: signer.sign(message).toString('base64') },
    ...more,
  };
}

describe('Registering a meter', () => {
  it('gives it no id that is another device’s key, and may give it that of its own', async () => {
    const { service, store } = open();
    const other = new TestDevice('other');
    await store.register(other.stored('active'), unjournaled);
    const { nonce } = await service.challenge();
    const taken = request(nonce, { meter_id: other.key.keyId });
    await expect(service.register(taken, 'a')).rejects.toMatchObject({ code: 'meter_taken' });
    const again = await service.challenge();
    const own = request(again.nonce, { meter_id: key.keyId });
    expect(await service.register(own, 'a')).toMatchObject({ meterId: key.keyId });
  });

  it('takes a proof of possession, then waits for review', async () => {
    const { service, store } = open();
    const { nonce, expiresAtMs } = await service.challenge();
    expect(expiresAtMs).toBe(NOW + 300_000);
    const meter = await service.register(request(nonce, { rating_w: 4000 }), 'account-1');
    expect(meter).toMatchObject({
      meterId: 'meter-1',
      accountId: 'account-1',
      state: 'pending',
      ratingW: 4000,
      keys: [{ keyId: key.keyId, alg: 'Ed25519', epoch: 0 }],
      registeredAtMs: NOW,
    });
    expect(meter.fingerprint).toEqual(fingerprintOfMeterId('meter-1'));
    expect(await store.get('meter-1')).toMatchObject({ state: 'pending' });
    expect(await store.find({ meterIds: [], keyIds: [key.keyId] })).toHaveLength(1);
  });

  it.each([
    ['open', {}, 'active'],
    ['allowlist', { allowlist: ['meter-1'] }, 'active'],
    ['review', {}, 'pending'],
  ])('under %s begins as configured', async (registration, more, state) => {
    const { service } = open({ registration, ...more });
    const { nonce } = await service.challenge();
    expect(await service.register(request(nonce), 'a')).toMatchObject({ state });
  });

  it('under allowlist refuses who is not listed', async () => {
    const { service } = open({ registration: 'allowlist', allowlist: ['meter-2'] });
    const { nonce } = await service.challenge();
    await expect(service.register(request(nonce), 'a')).rejects.toMatchObject({
      code: 'meter_not_listed',
    });
  });

  it('knows the same physical meter under another id', async () => {
    const { service } = open({ registration: 'open' });
    const nameplate = { vendor: 'V', model: 'M', serial: '1' };
    const first = await service.challenge();
    const meter = await service.register(request(first.nonce, { nameplate }), 'a');
    expect(meter.fingerprint).toEqual(fingerprintOfNameplate(nameplate));
    const second = await service.challenge();
    const again = request(second.nonce, { nameplate, meter_id: 'meter-2' });
    await expect(service.register(again, 'b')).rejects.toMatchObject({
      code: 'meter_taken',
      status: 409,
    });
  });

  it('uses a challenge once, and none that is unknown or expired', async () => {
    const { service, clock } = open({ registration: 'open' });
    const { nonce } = await service.challenge();
    await service.register(request(nonce), 'a');
    const again = request(nonce, { meter_id: 'meter-2' });
    await expect(service.register(again, 'a')).rejects.toMatchObject({ code: 'challenge_unknown' });
    const unknown = request('f'.repeat(32), { meter_id: 'meter-2' });
    await expect(service.register(unknown, 'a')).rejects.toMatchObject({
      code: 'challenge_unknown',
    });
    const late = await service.challenge();
    clock.ms += 300_001;
    const expired = request(late.nonce, { meter_id: 'meter-2' });
    await expect(service.register(expired, 'a')).rejects.toMatchObject({
      code: 'challenge_unknown',
    });
  });

  it('gives a network without a key so many challenges, and others theirs', async () => {
    const { service, clock } = open({ challengeRate: { perSecond: 1, burst: 2 } });
    await service.challenge('192.0.2.1');
    await service.challenge('192.0.2.1');
    await expect(service.challenge('192.0.2.1')).rejects.toMatchObject({
      code: 'throttled',
      status: 429,
      retryAfterMs: 1000,
    });
    await service.challenge('192.0.2.2');
    await service.challenge();
    clock.ms += 1000;
    await service.challenge('192.0.2.1');
  });

  const smallOrder = encodeSpki('Ed25519', Point.ZERO.toBytes())!;
  const torsion = Point.fromHex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a');
  const mixed = encodeSpki('Ed25519', Point.BASE.add(torsion).toBytes())!;
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

  it.each([
    ['no body', () => undefined, 'registration_invalid'],
    ['an unknown member', (n: string) => request(n, { admin: true }), 'registration_invalid'],
    ['an empty meter id', (n: string) => ({ ...request(n), meter_id: '' }), 'registration_invalid'],
    [
      'a line feed in the meter id',
      (n: string) => ({ ...request(n), meter_id: 'a\nb' }),
      'registration_invalid',
    ],
    ...[
      ['a byte order mark', '\ufeffa'],
      ['a zero-width space', 'a\u200bb'],
      ['a change of direction', 'a\u202eb'],
      ['a line separator', 'a\u2028b'],
      ['white space at an end', 'a\u00a0'],
      ['a letter in two parts', 'e\u0301'],
      ['two dots', '..'],
    ].map(
      ([what, meter_id]) =>
        [
          `${what} as meter id`,
          (n: string) => ({ ...request(n), meter_id }),
          'registration_invalid',
        ] as const,
    ),
    [
      'a meter id of 257 bytes',
      (n: string) => ({ ...request(n), meter_id: 'm'.repeat(257) }),
      'registration_invalid',
    ],
    ['a rating of 0', (n: string) => request(n, { rating_w: 0 }), 'registration_invalid'],
    [
      'a key that is not base64',
      (n: string) => request(n, { public_key: '***' }),
      'registration_invalid',
    ],
    [
      'half a nameplate',
      (n: string) => request(n, { nameplate: { vendor: 'V' } }),
      'registration_invalid',
    ],
    [
      'a bar in a nameplate',
      (n: string) => request(n, { nameplate: { vendor: 'V|M', model: '1', serial: '2' } }),
      'registration_invalid',
    ],
    ...(
      [
        ['an empty list of registers', { registers: [] }, 'registration_invalid'],
        ['registers that are a word', { registers: 'generation' }, 'registration_invalid'],
        [
          '17 registers',
          {
            registers: Array.from({ length: 17 }, (_, i) => ({
              name: `r${i}`,
              direction: 'consumption',
            })),
          },
          'registration_invalid',
        ],
        [
          'a register whose name has 65 bytes',
          { registers: [{ name: 'n'.repeat(65), direction: 'consumption' }] },
          'registration_invalid',
        ],
        [
          'a register whose name cannot be seen',
          { registers: [{ name: 'a\u200b', direction: 'consumption' }] },
          'registration_invalid',
        ],
        [
          'a register that goes nowhere',
          { registers: [{ name: 'a', direction: 'sideways' }] },
          'register_direction_unknown',
        ],
        [
          'registers that count one flow twice',
          { registers: ['a', 'b'].map((name) => ({ name, direction: 'generation' })) },
          'register_credits_twice',
        ],
        ['a latitude of 91', { location: { latitude: 91, longitude: 0 } }, 'registration_invalid'],
        ['half a place', { location: { latitude: 1 } }, 'registration_invalid'],
        [
          'a place and a zone',
          { location: { latitude: 1, longitude: 1, zone: 'DE' } },
          'registration_invalid',
        ],
        ['a zone of two words', { location: { zone: 'DE LU' } }, 'registration_invalid'],
        ['a rating that is a word', { rating_w: '5000' }, 'registration_invalid'],
      ] as const
    ).map(([what, more, code]) => [what, (n: string) => request(n, more), code] as const),
    [
      'a raw key instead of SPKI',
      (n: string) => request(n, { public_key: base64(key.spki.subarray(12)) }),
      'public_key_invalid',
    ],
    [
      'a key with trailing bytes',
      (n: string) => request(n, { public_key: base64(Buffer.concat([key.spki, Buffer.alloc(1)])) }),
      'public_key_invalid',
    ],
    [
      'the key of another algorithm',
      (n: string) => request(n, { alg: 'ES256' }),
      'public_key_invalid',
    ],
    ['an unknown algorithm', (n: string) => request(n, { alg: 'RS256' }), 'alg_not_allowed'],
    [
      'a key of small order',
      (n: string) => request(n, { public_key: base64(smallOrder) }),
      'key_not_prime_order',
    ],
    [
      'a mixed-order key',
      (n: string) => request(n, { public_key: base64(mixed) }),
      'key_not_prime_order',
    ],
    [
      'the id of another key',
      (n: string) => request(n, { key_id: keyIdOf(mixed) }),
      'key_id_mismatch',
    ],
    [
      'a proof by another key',
      (n: string) => request(n, {}, ORIGIN, new TestKey('b')),
      'possession_not_proven',
    ],
    [
      'a proof for another gateway',
      (n: string) => request(n, {}, 'other.example/log'),
      'possession_not_proven',
    ],
    [
      'a proof for another meter',
      (n: string) => ({ ...request(n), meter_id: 'meter-9' }),
      'possession_not_proven',
    ],
    [
      'a proof for another nonce',
      (n: string) => ({
        ...request(n),
        proof_of_possession: { ...request('x').proof_of_possession, nonce: n },
      }),
      'possession_not_proven',
    ],
  ])('refuses %s and keeps nothing', async (_name, body, code) => {
    const { service, store } = open({ registration: 'open' });
    const { nonce } = await service.challenge();
    await expect(service.register(body(nonce), 'a')).rejects.toMatchObject({
      name: 'MeterError',
      code,
    });
    expect((await store.list({ limit: 10 })).items).toEqual([]);
    // The nonce of a refused proof is still good.
    expect(await service.register(request(nonce), 'a')).toMatchObject({ state: 'active' });
  });
});

describe('A meter', () => {
  it('that somebody else wants is its owner’s, who is told so often at most', async () => {
    const { service, entries, outbox, clock, store } = open({ registration: 'open' });
    const nameplate = { vendor: 'V', model: 'M', serial: '1' };
    const { nonce } = await service.challenge();
    await service.register(request(nonce, { nameplate }), 'ada');
    const claim = async (meter_id: string, more = {}) => {
      const challenge = await service.challenge();
      const body = request(challenge.nonce, { meter_id, ...more });
      await expect(service.register(body, 'mallory')).rejects.toMatchObject({
        code: 'meter_taken',
      });
    };
    for (let i = 0; i < 5; i += 1) await claim(`another-${i}`, { nameplate });
    clock.ms += 3_600_000;
    await claim('meter-1');
    const told = await outbox.read('test', ['meter.claimed'], 10);
    expect(told.map(({ data }) => [data['account'], data['meter'], data['claimed_as']])).toEqual([
      ...[0, 1, 2].map((i) => ['ada', 'meter-1', `another-${i}`]),
      ['ada', 'meter-1', 'meter-1'],
    ]);
    const said = (await entries.list({ type: 'audit', accountId: 'ada', limit: 10 })).items.map(
      ({ bytes }) => JSON.parse(Buffer.from(bytes).toString()) as { action: string },
    );
    expect(said.filter(({ action }) => action === 'meter.claimed')).toHaveLength(4);
    expect((await store.list({ limit: 10 })).items).toHaveLength(1);
  });

  it('that is handed over is told to both, each of their own', async () => {
    const { service, outbox, store, clock, directory, journal } = open({ registration: 'open' });
    const { nonce } = await service.challenge();
    await service.register(request(nonce), 'ada');
    const transfers = new MeterTransfers({
      store,
      directory,
      clock,
      random: (length) => Buffer.alloc(length, 7),
      config: DevicesConfig.parse({}),
      journal,
      accountKnown: async () => true,
    });
    const { id } = await transfers.offer('meter-1', { to_account: 'bob' }, { actor: 'ada' });
    const bob = { actor: 'bob', accountId: 'bob' };
    await transfers.accept('meter-1', { transfer_id: id }, bob);
    await service.suspend('meter-1', 'operator');
    const told = await outbox.read('test', 'all', 100);
    expect(
      told
        .filter(({ type }) => type.startsWith('meter.'))
        .map(({ type, data }) => [type, data['account']]),
    ).toEqual([
      ['meter.registered', 'ada'],
      ['meter.transfer_offered', 'bob'],
      ['meter.transfer_accepted', 'ada'],
      ['meter.state', 'bob'],
    ]);
  });

  it('is approved, suspended and resumed, each only from where it makes sense', async () => {
    const { service, directory } = open();
    const { nonce } = await service.challenge();
    await service.register(request(nonce), 'a');
    await expect(service.resume('meter-1', 'operator-1')).rejects.toMatchObject({
      code: 'meter_state_conflict',
    });
    expect(await service.approve('meter-1', 'operator-1')).toMatchObject({ state: 'active' });
    await expect(service.approve('meter-1', 'operator-1')).rejects.toMatchObject({ status: 409 });
    expect(await directory.meter('meter-1')).toMatchObject({ state: 'active' });
    await service.suspend('meter-1', 'operator-1');
    // A change made here is seen at once.
    expect(await directory.meter('meter-1')).toMatchObject({ state: 'suspended' });
    expect(await service.resume('meter-1', 'operator-1')).toMatchObject({ state: 'active' });
    await expect(service.suspend('nobody', 'operator-1')).rejects.toMatchObject({
      code: 'meter_not_found',
    });
  });

  it('changes in the log, and every change names who made it', async () => {
    const { service, entries } = open();
    const { nonce } = await service.challenge();
    await service.register(request(nonce, { rating_w: 4000 }), 'a');
    await service.approve('meter-1', 'operator-1');
    await service.suspend('meter-1', 'operator-2');
    await service.setAllowed(['meter-3', 'meter-2'], true, 'operator-1');
    const { items } = await entries.list({ type: 'audit', limit: 10 });
    const said = items.map(({ bytes, accountId, source }) => ({
      ...(JSON.parse(Buffer.from(bytes).toString()) as object),
      accountId,
      source,
    }));
    const change: unknown = expect.stringMatching(/^[0-9a-f]{16}$/);
    const common = { v: 'audit/1', at: new Date(NOW).toISOString(), source: 'system' };
    const of = { ...common, accountId: 'a', subject: 'meter-1' };
    expect(said).toEqual(
      expect.arrayContaining([
        {
          ...of,
          actor: `device ${key.keyId}`,
          action: 'meter.registered',
          detail: {
            state: 'pending',
            account: 'a',
            key_id: key.keyId,
            registered_at: new Date(NOW).toISOString(),
            change,
            fingerprint: Buffer.from(fingerprintOfMeterId('meter-1')).toString('hex'),
            rating_w: 4000,
          },
        },
        {
          ...of,
          actor: 'operator-1',
          action: 'meter.state',
          detail: { from: 'pending', to: 'active', change },
        },
        {
          ...of,
          actor: 'operator-2',
          action: 'meter.state',
          detail: { from: 'active', to: 'suspended', change },
        },
        {
          ...common,
          accountId: 'admin',
          actor: 'operator-1',
          action: 'meter.allowed',
          subject: 'meters of a list of 2',
          detail: {
            change,
            meter_ids_sha256: Buffer.from(nativeSha256(Buffer.from('meter-2\nmeter-3'))).toString(
              'hex',
            ),
          },
        },
      ]),
    );
    expect(said).toHaveLength(4);
  });

  it('that is turned down is retired, and its id is free for its owner', async () => {
    const { service } = open();
    const { nonce } = await service.challenge();
    await service.register(request(nonce), 'a squatter');
    expect(await service.reject('meter-1', 'operator-1')).toMatchObject({ state: 'retired' });
    const again = await service.challenge();
    await service.register(request(again.nonce), 'its owner');
    expect(await service.approve('meter-1', 'operator-1')).toMatchObject({
      accountId: 'its owner',
    });
  });
});
