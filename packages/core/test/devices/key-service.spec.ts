import { describe, expect, it } from '@jest/globals';
import { epochMembers, keyFact } from '../../src/devices/key-entries.js';
import { replayKeys } from '../../src/devices/replay-keys.js';
import { TestDevice, TestKey } from '../ingestion/test-devices.js';
import { admin, device, HOUR, NOW, openKeys, owner, stored } from './key-scene.js';

const ALGORITHMS = ['Ed25519', 'ES256', 'ES256K'] as const;
const PAIRS = ALGORITHMS.flatMap((old) => ALGORITHMS.map((next) => [old, next] as const));
const refusedWith = (code: string) => ({ name: 'MeterError', code });

describe('Rotating a key', () => {
  it.each(PAIRS)('from %s to %s takes the word of both', async (oldAlg, nextAlg) => {
    const one = device('meter-1', new TestKey('old', oldAlg));
    const next = new TestKey('next', nextAlg);
    const { keys, rotation, store } = await openKeys({ meters: [stored(one)] });
    const body = await rotation(one.meterId, one.key, next);
    const meter = await keys.rotate(one.meterId, body);
    expect(meter.keys).toEqual([
      { ...stored(one).keys[0], validToMs: NOW + 24 * HOUR },
      {
        keyId: next.keyId,
        alg: nextAlg,
        publicKey: next.spki,
        epoch: 1,
        validFromMs: NOW - 24 * HOUR,
      },
    ]);
    expect(await store.meters.get(one.meterId)).toEqual(meter);
  });

  const next = new TestKey('next');
  const stranger = new TestKey('stranger');
  const signedBy = async (
    { rotation }: Awaited<ReturnType<typeof openKeys>>,
    which: 'old' | 'new',
  ) => {
    const body = (await rotation('meter-1', device().key, next)) as { signatures: object };
    const foreign = (await rotation('meter-1', stranger, stranger)) as typeof body;
    const { old: signature } = foreign.signatures as { old: string };
    return { ...body, signatures: { ...body.signatures, [which]: signature } };
  };

  it.each<[string, (world: Awaited<ReturnType<typeof openKeys>>) => Promise<object>, string]>([
    ['without the old key', (world) => signedBy(world, 'old'), 'possession_not_proven'],
    ['without the new key', (world) => signedBy(world, 'new'), 'possession_not_proven'],
    [
      'for another meter',
      ({ rotation }) => rotation('meter-2', device().key, next),
      'possession_not_proven',
    ],
    [
      'from a key that is not the meter’s',
      ({ rotation }) => rotation('meter-1', stranger, next),
      'key_not_found',
    ],
    [
      'to the key it has',
      ({ rotation }) => rotation('meter-1', device().key, device().key),
      'key_known',
    ],
    [
      'with a nonce nobody gave',
      ({ rotation }) => rotation('meter-1', device().key, next, { nonce: 'f'.repeat(32) }),
      'possession_not_proven',
    ],
    [
      'with a member that is unknown',
      ({ rotation }) => rotation('meter-1', device().key, next, { epoch: 7 }),
      'key_request_invalid',
    ],
    [
      'to a key of another algorithm than said',
      ({ rotation }) => rotation('meter-1', device().key, next, { alg: 'ES256' }),
      'public_key_invalid',
    ],
    [
      'to a key with another id',
      ({ rotation }) => rotation('meter-1', device().key, next, { key_id: stranger.keyId }),
      'key_id_mismatch',
    ],
  ])('is refused %s, and changes nothing', async (_how, body, code) => {
    const world = await openKeys({ meters: [stored(device())] });
    await expect(world.keys.rotate('meter-1', await body(world))).rejects.toMatchObject(
      refusedWith(code),
    );
    expect((await world.store.meters.get('meter-1'))?.keys).toEqual(stored(device()).keys);
    expect(await world.said()).toEqual([]);
  });

  it('takes a nonce once, and only from the newest key', async () => {
    const { keys, rotation } = await openKeys({ meters: [stored(device())] });
    const body = await rotation('meter-1', device().key, next);
    await keys.rotate('meter-1', body);
    await expect(keys.rotate('meter-1', body)).rejects.toMatchObject(
      refusedWith('challenge_unknown'),
    );
    const again = await rotation('meter-1', device().key, stranger);
    await expect(keys.rotate('meter-1', again)).rejects.toMatchObject(
      refusedWith('key_superseded'),
    );
    const back = await rotation('meter-1', next, device().key);
    await expect(keys.rotate('meter-1', back)).rejects.toMatchObject(refusedWith('key_known'));
    await keys.rotate('meter-1', await rotation('meter-1', next, stranger));
    await expect(
      keys.rotate('nobody', await rotation('nobody', next, stranger)),
    ).rejects.toMatchObject(refusedWith('meter_not_found'));
  });

  it('ends where a meter has as many keys as it may have; a recovery goes on', async () => {
    const world = await openKeys({ meters: [stored(device())], devices: { maxKeysPerMeter: 2 } });
    const { keys, rotation, recovery } = world;
    await keys.rotate('meter-1', await rotation('meter-1', device().key, next));
    const third = await rotation('meter-1', next, stranger);
    await expect(keys.rotate('meter-1', third)).rejects.toMatchObject({
      ...refusedWith('keys_exhausted'),
      status: 409,
      message: expect.stringContaining('devices.maxKeysPerMeter'),
    });
    expect((await world.store.meters.get('meter-1'))?.keys).toHaveLength(2);
    // Whoever stole a key and used the number up keeps nobody out.
    const asked = await keys.askRecovery('meter-1', await recovery('meter-1', stranger), owner);
    const recovered = await keys.approveRecovery('meter-1', asked.id, {}, admin);
    expect(recovered.keys).toHaveLength(3);
  });

  it('lets one of many rotations win that come at once', async () => {
    const { keys, rotation, store } = await openKeys({ meters: [stored(device())] });
    const bodies = await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        rotation('meter-1', device().key, new TestKey(`next ${i}`)),
      ),
    );
    const answers = await Promise.allSettled(bodies.map((body) => keys.rotate('meter-1', body)));
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const answer of answers)
      if (answer.status === 'rejected')
        expect(answer.reason).toMatchObject(refusedWith('key_superseded'));
    expect((await store.meters.get('meter-1'))?.keys).toHaveLength(2);
  });
});

describe('Correcting a key that an operator read wrongly', () => {
  const right = new TestDevice('meter-1', new TestKey('right'));
  const bodyOf = (key: TestKey) => ({
    public_key: key.spki.toString('base64'),
    alg: key.alg,
    proof: 'operator',
    read_from: 'label',
    reason: 'a digit was missing',
  });
  const statedMeter = () => {
    const meter = stored(device());
    return { ...meter, keys: meter.keys.map((key) => ({ ...key, statedBy: 'operator-1' })) };
  };
  const answer = async ({ send }: Awaited<ReturnType<typeof openKeys>>, by: TestDevice) => {
    const sent = await send([by.signed(by.reading(NOW))]);
    return sent.kind === 'items' ? (sent.items[0]?.reason ?? sent.items[0]?.verdict) : sent.kind;
  };

  it('lets the right one speak from the same instant on, and is over once it has', async () => {
    const world = await openKeys({ meters: [statedMeter()] });
    const { keys } = world;
    const wrong = device().key;
    expect(await answer(world, right)).toBe('key_unknown');
    const meter = await keys.correct('meter-1', wrong.keyId, bodyOf(right.key), 'operator-2');
    expect(meter.keys).toMatchObject([
      { keyId: wrong.keyId, revokedAtMs: NOW },
      { keyId: right.key.keyId, epoch: 1, validFromMs: 0, statedBy: 'operator-2' },
    ]);
    const documents = await world.said();
    expect(replayKeys(documents).get('meter-1')).toEqual(meter.keys.slice(1));
    expect(documents).toMatchObject([{ event: 'corrected', actor: 'operator-2' }]);
    expect(await answer(world, device())).toBe('key_revoked');
    expect(await answer(world, right)).toBe('accepted');
    const next = bodyOf(new TestKey('next'));
    await expect(
      keys.correct('meter-1', right.key.keyId, next, 'operator-2'),
    ).rejects.toMatchObject(refusedWith('key_proven'));
  });

  it('is refused of a key that its device has proven to hold', async () => {
    const world = await openKeys({ meters: [stored(device())] });
    const ask = () =>
      world.keys.correct('meter-1', device().key.keyId, bodyOf(right.key), 'operator');
    await expect(ask()).rejects.toMatchObject(refusedWith('key_proven'));
    expect(await world.said()).toEqual([]);
  });
});

describe('Revoking a key', () => {
  const auditor = { id: 'a', accountId: 'house', role: 'auditor' };
  const neighbour = { id: 'n', accountId: 'neighbour', role: 'owner' };

  it('is for its owner and for operators', async () => {
    const { keys } = await openKeys({ meters: [stored(device())] });
    const revoke = (by: typeof owner) => keys.revoke('meter-1', device().key.keyId, 'stolen', by);
    await expect(revoke(auditor)).rejects.toMatchObject(refusedWith('reader_only'));
    await expect(revoke(neighbour)).rejects.toMatchObject(refusedWith('meter_not_found'));
    expect((await revoke(owner)).keys[0]?.revokedAtMs).toBe(NOW);
    const operator = { id: 'o', accountId: 'operators', role: 'operator' };
    const other = await openKeys({ meters: [stored(device())] });
    const by = other.keys.revoke('meter-1', device().key.keyId, 'stolen', operator);
    expect((await by).keys[0]?.revokedAtMs).toBe(NOW);
  });

  it('keeps the first instant however often it is asked, and says it once', async () => {
    const { keys, clock, said } = await openKeys({ meters: [stored(device())] });
    const { keyId } = device().key;
    await keys.revoke('meter-1', keyId, 'stolen', owner);
    clock.ms += HOUR;
    expect((await keys.revoke('meter-1', keyId, 'again', owner)).keys[0]?.revokedAtMs).toBe(NOW);
    expect(await said()).toMatchObject([
      { event: 'revoked', key_id: keyId, reason: 'stolen', actor: owner.id },
    ]);
    for (const [id, code] of [
      ['0'.repeat(16), 'key_not_found'],
      [keyId, 'key_request_invalid'],
    ] as const)
      await expect(
        keys.revoke('meter-1', id, code === 'key_not_found' ? 'x' : '', owner),
      ).rejects.toMatchObject(refusedWith(code));
  });

  it('takes the successor down and leaves the predecessor its overlap', async () => {
    const { keys, rotation } = await openKeys({ meters: [stored(device())] });
    const [stolen, third] = [new TestKey('thief'), new TestKey('third')];
    await keys.rotate('meter-1', await rotation('meter-1', device().key, stolen));
    await keys.revoke('meter-1', stolen.keyId, 'not ours', owner);
    const from = await rotation('meter-1', stolen, third);
    await expect(keys.rotate('meter-1', from)).rejects.toMatchObject(refusedWith('key_revoked'));
    const meter = await keys.rotate('meter-1', await rotation('meter-1', device().key, third));
    expect(meter.keys.at(-1)).toMatchObject({ keyId: third.keyId, epoch: 2 });
  });
});

describe('Recovering a lost key', () => {
  const next = new TestKey('found again', 'ES256');

  it('takes the owner and an admin, neither of them alone', async () => {
    const { keys, recovery, clock, store } = await openKeys({ meters: [stored(device())] });
    const asked = await keys.askRecovery('meter-1', await recovery('meter-1', next), owner);
    expect(asked).toMatchObject({ state: 'open', askedBy: owner.id, epoch: 0 });
    expect((await store.meters.get('meter-1'))?.keys).toEqual(stored(device()).keys);
    for (const alone of [
      { ...admin, id: owner.id },
      { ...admin, accountId: owner.accountId },
    ])
      await expect(keys.approveRecovery('meter-1', asked.id, {}, alone)).rejects.toMatchObject(
        refusedWith('recovery_needs_another'),
      );
    clock.ms += HOUR;
    const meter = await keys.approveRecovery('meter-1', asked.id, {}, admin);
    expect(meter.keys).toEqual([
      { ...stored(device()).keys[0], revokedAtMs: NOW + HOUR },
      {
        keyId: next.keyId,
        alg: 'ES256',
        publicKey: next.spki,
        epoch: 1,
        validFromMs: NOW - 24 * HOUR,
      },
    ]);
    await expect(keys.approveRecovery('meter-1', asked.id, {}, admin)).rejects.toMatchObject(
      refusedWith('recovery_closed'),
    );
    expect((await store.keys.recoveries({ limit: 9 })).items).toMatchObject([
      { id: asked.id, state: 'approved', decidedBy: 'admin', decidedAtMs: NOW + HOUR },
    ]);
  });

  it('is asked for by the owner of a live meter only, who holds the new key', async () => {
    const { keys, recovery, store } = await openKeys({
      meters: [stored(device()), { ...stored(device('waiting')), state: 'pending' }],
    });
    const ask = async (by: typeof owner, meterId = 'meter-1', more: object = {}) =>
      keys.askRecovery(meterId, await recovery(meterId, next, more), by);
    for (const [by, code] of [
      [admin, 'recovery_not_owner'],
      [{ ...owner, role: 'operator' }, 'recovery_not_owner'],
      [{ ...owner, role: 'auditor' }, 'recovery_not_owner'],
      [{ ...owner, accountId: 'neighbour' }, 'meter_not_found'],
    ] as const)
      await expect(ask(by)).rejects.toMatchObject(refusedWith(code));
    await expect(ask(owner, 'waiting')).rejects.toMatchObject(refusedWith('meter_state_conflict'));
    await expect(ask(owner, 'nobody')).rejects.toMatchObject(refusedWith('meter_not_found'));
    const signature = Buffer.alloc(64, 1).toString('base64');
    await expect(ask(owner, 'meter-1', { signature })).rejects.toMatchObject(
      refusedWith('possession_not_proven'),
    );
    await expect(ask(owner, 'meter-1', { reason: 'a\nb' })).rejects.toMatchObject(
      refusedWith('key_request_invalid'),
    );
    const held = await recovery('meter-1', device().key);
    await expect(keys.askRecovery('meter-1', held, owner)).rejects.toMatchObject(
      refusedWith('key_known'),
    );
    expect((await store.keys.recoveries({ limit: 9 })).items).toEqual([]);
  });

  it('is approved once, however many approve it at once and whatever rotates meanwhile', async () => {
    const { keys, recovery, rotation, store } = await openKeys({ meters: [stored(device())] });
    const asked = await keys.askRecovery('meter-1', await recovery('meter-1', next), owner);
    const admins = Array.from({ length: 6 }, (_, i) => ({ ...admin, id: `admin-${i}` }));
    const turn = await rotation('meter-1', device().key, new TestKey('turned'));
    const answers = await Promise.allSettled([
      ...admins.map((one) => keys.approveRecovery('meter-1', asked.id, {}, one)),
      keys.rotate('meter-1', turn),
    ]);
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect((await store.meters.get('meter-1'))?.keys).toHaveLength(2);
  });

  it('is void after its term, after a rotation, after a no, and when it is asked for again', async () => {
    const { keys, recovery, rotation, clock } = await openKeys({ meters: [stored(device())] });
    const ask = async (key: TestKey) =>
      keys.askRecovery('meter-1', await recovery('meter-1', key), owner);
    const approve = (id: string) => keys.approveRecovery('meter-1', id, {}, admin);
    const first = await ask(next);
    const second = await ask(new TestKey('second'));
    await expect(approve(first.id)).rejects.toMatchObject(refusedWith('recovery_closed'));
    clock.ms = second.expiresAtMs;
    await expect(approve(second.id)).rejects.toMatchObject(refusedWith('recovery_closed'));
    const third = await ask(next);
    await keys.rotate('meter-1', await rotation('meter-1', device().key, new TestKey('b')));
    await expect(approve(third.id)).rejects.toMatchObject(refusedWith('recovery_stale'));
    const fourth = await ask(next);
    await keys.rejectRecovery('meter-1', fourth.id, { reason: 'who are you' }, admin);
    await expect(approve(fourth.id)).rejects.toMatchObject(refusedWith('recovery_closed'));
    const fifth = await ask(next);
    expect(
      (await approve(fifth.id)).keys.map(({ revokedAtMs }) => revokedAtMs !== undefined),
    ).toEqual([true, true, false]);
  });
});

describe('The log', () => {
  it('says every event of a key, and the keys follow from it alone', async () => {
    const { keys, rotation, recovery, said, store, journal, clock } = await openKeys({});
    const one = device();
    const first = stored(one);
    const occasion = {
      event: 'registered',
      meterId: one.meterId,
      accountId: 'house',
      actor: 'device',
      atMs: NOW,
    } as const;
    await store.meters.register(
      first,
      journal.entries([keyFact(occasion, epochMembers(first.keys[0]!))]),
    );
    const [b, c, d] = [new TestKey('b', 'ES256'), new TestKey('c', 'ES256K'), new TestKey('d')];
    clock.ms += HOUR;
    await keys.rotate(one.meterId, await rotation(one.meterId, one.key, b));
    clock.ms += HOUR;
    await keys.rotate(one.meterId, await rotation(one.meterId, b, c));
    clock.ms += HOUR;
    await keys.revoke(one.meterId, b.keyId, 'lent to somebody', owner);
    const lost = await keys.askRecovery(one.meterId, await recovery(one.meterId, d), owner);
    clock.ms += HOUR;
    await keys.approveRecovery(one.meterId, lost.id, {}, admin);
    const documents = await said();
    expect(documents.map(({ event, actor }) => [event, actor])).toEqual([
      ['registered', 'device'],
      ['rotated', `device ${one.key.keyId}`],
      ['rotated', `device ${b.keyId}`],
      ['revoked', owner.id],
      ['recovery-asked', owner.id],
      ['recovery-approved', 'admin'],
    ]);
    const meter = await store.meters.get(one.meterId);
    expect(replayKeys(documents).get(one.meterId)).toEqual(meter?.keys);
    expect(meter?.keys.map(({ epoch }) => epoch)).toEqual([0, 1, 2, 3]);
  });

  it('tells the owner of every change but the first', async () => {
    const { keys, rotation, recovery, store } = await openKeys({ meters: [stored(device())] });
    await keys.rotate('meter-1', await rotation('meter-1', device().key, new TestKey('b')));
    await keys.revoke('meter-1', device().key.keyId, 'stolen', admin);
    const asked = await keys.askRecovery(
      'meter-1',
      await recovery('meter-1', new TestKey('c')),
      owner,
    );
    await keys.rejectRecovery('meter-1', asked.id, {}, admin);
    const events = await store.outbox.read('test', 'all', 100);
    expect(
      events
        .filter(({ type }) => type.startsWith('meter.'))
        .map(({ type, data }) => [type, data['account']]),
    ).toEqual([
      ['meter.key_rotated', 'house'],
      ['meter.key_revoked', 'house'],
      ['meter.key_recovery_asked', 'house'],
      ['meter.key_recovery_rejected', 'house'],
    ]);
  });
});
