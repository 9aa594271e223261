import { beforeEach, describe, expect, it } from '@jest/globals';
import type { DeviceCommands } from '../../src/device-commands/device-commands.service.js';
import type { StoredCommand } from '../../src/device-commands/device-command.js';
import type { StoredMeter } from '../../src/devices/meter.store.js';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { TestDevice, TestKey } from '../ingestion/test-devices.js';
import { answerOf, CommandScene, TestPort } from './command-scene.js';

const refusal = (work: Promise<unknown>) =>
  work.then(
    () => 'taken',
    ({ code }: { code: string }) => code,
  );

describe('Commands to devices', () => {
  const device = new TestDevice('meter-1');
  const other = new TestDevice('meter-2');
  let scene: CommandScene;
  let port: TestPort;
  let commands: DeviceCommands;

  beforeEach(async () => {
    scene = new CommandScene();
    port = new TestPort();
    commands = scene.replica([port]);
    for (const one of [device, other])
      await scene.store.meters.register(one.stored('active', { accountId: 'ada' }), unjournaled);
  });

  const lock = (more: object = {}, by = commands) =>
    by.request({
      meterId: 'meter-1',
      name: 'lock',
      body: { kwh: '2.5' },
      askedBy: 'operator-1',
      ...more,
    });
  const now = async ({ id }: StoredCommand) => (await commands.get(id))!;
  /** Lets what was begun run on. */
  const settled = () => scene.clock.advance(0);

  it('are durable before they are sent, and sent by every transport', async () => {
    const second = new TestPort();
    second.answer = 'unreachable';
    commands = scene.replica([port, second]);
    const inStore: (string | undefined)[] = [];
    const { send } = port;
    port.send = async (command) => {
      inStore.push((await scene.store.commands.get(command.id))?.state);
      return send.call(port, command);
    };
    const command = await lock();
    await settled();
    expect(inStore).toEqual(['pending']);
    expect(second.sent).toEqual(port.sent);
    expect(port.sent).toEqual([
      {
        id: command.id,
        nonce: expect.stringMatching(/^[0-9a-f]{32}$/),
        device: 'meter-1',
        name: 'lock',
        body: { kwh: '2.5' },
        deadlineMs: scene.clock.nowMs() + 60_000,
      },
    ]);
    expect(await now(command)).toMatchObject({ state: 'sent', sends: 1 });
  });

  it('are sent again, ever more rarely, until they are answered', async () => {
    const command = await lock();
    await settled();
    const sendsAfter = async (ms: number) => {
      await scene.clock.advance(ms);
      await commands.deliver();
      return port.sent.length;
    };
    expect(await sendsAfter(4_999)).toBe(1);
    expect(await sendsAfter(1)).toBe(2);
    expect(await sendsAfter(9_999)).toBe(2);
    expect(await sendsAfter(1)).toBe(3);
    expect(new Set(port.sent.map(({ nonce }) => nonce)).size).toBe(1);
    expect(await commands.answered('meter-1', answerOf(device, port.sent[0]!))).toBe('accepted');
    expect(await sendsAfter(30_000)).toBe(3);
    expect(await now(command)).toMatchObject({ state: 'answered', sends: 3 });
  });

  it('get through behind many for devices that are not here', async () => {
    commands = scene.replica([], { maxOpenPerMeter: 999 });
    for (let n = 0; n < 250; n += 1) await lock();
    await scene.clock.advance(1);
    const last = await lock({ name: 'last' });
    port.send = async ({ name }) => (name === 'last' ? 'sent' : 'unreachable');
    await scene.replica([port]).deliver();
    expect((await now(last)).state).toBe('sent');
    expect((await scene.store.commands.counts()).pending).toBe(250);
  });

  it('for devices that are not here are sent by the replica that has them', async () => {
    port.answer = 'unreachable';
    await lock();
    await settled();
    expect((await scene.store.commands.counts()).pending).toBe(1);
    const elsewhere = new TestPort();
    const replica = scene.replica([elsewhere]);
    await replica.deliver();
    expect(elsewhere.sent).toHaveLength(1);
    expect((await scene.store.commands.counts()).sent).toBe(1);
  });

  it.each(['fails', 'hangs'])(
    'stay pending when a transport %s, and the others send',
    async (how) => {
      port.answer = how === 'fails' ? new Error('broken') : 'never';
      const second = new TestPort();
      commands = scene.replica([port, second]);
      const command = await lock();
      await settled();
      await scene.clock.advance(10_000);
      expect(await now(command)).toMatchObject({ state: 'sent', sends: 1 });
      commands = scene.replica([port]);
      const alone = await lock({ name: 'unlock' });
      await settled();
      await scene.clock.advance(10_000);
      expect(await now(alone)).toMatchObject({ state: 'pending', sends: 0 });
    },
  );

  it('are answered once, by the meter, at whichever replica, also after a restart', async () => {
    const command = await lock();
    await settled();
    const [sent] = port.sent;
    // Another process, that has never heard of it.
    const replica = scene.replica([]);
    const waiting = commands.await(command.id, scene.clock.nowMs() + 30_000);
    const answer = answerOf(device, sent!);
    expect(await replica.answered('meter-1', answer)).toBe('accepted');
    expect(await commands.answered('meter-1', answer)).toBe('duplicate');
    await scene.clock.advance(500);
    expect(await waiting).toMatchObject({
      state: 'answered',
      answer: {
        body: { status: 'locked' },
        assurance: 'device-signature',
        keyId: device.key.keyId,
      },
    });
    expect(await scene.told()).toEqual(['command.answered']);
    expect(scene.letters).toEqual([]);
  });

  it('that get two answers at once keep one', async () => {
    await lock();
    await settled();
    const [sent] = port.sent;
    const bodies = [{ status: 'locked' }, { status: 'rejected' }];
    const outcomes = await Promise.all(
      bodies.map((body) => commands.answered('meter-1', answerOf(device, sent!, body))),
    );
    expect([...outcomes].sort()).toEqual(['accepted', 'invalid']);
    expect(scene.letters).toEqual(['answer_contradicts']);
    expect(await scene.told()).toEqual(['command.answered']);
  });

  it('take an answer in the last instant, and none after it', async () => {
    const [first, second] = [await lock(), await lock({ name: 'unlock' })];
    await settled();
    const sent = (id: string) => port.sent.find((one) => one.id === id)!;
    await scene.clock.advance(60_000);
    expect(await commands.answered('meter-1', answerOf(device, sent(first.id)))).toBe('accepted');
    await commands.expire();
    expect((await now(second)).state).toBe('sent');
    await scene.clock.advance(1);
    expect(await commands.answered('meter-1', answerOf(device, sent(second.id)))).toBe('late');
    await commands.expire();
    await commands.expire();
    expect((await now(second)).state).toBe('timeout');
    expect(await commands.answered('meter-1', answerOf(device, sent(second.id)))).toBe('late');
    expect(await commands.answered('meter-1', answerOf(device, sent(first.id)))).toBe('duplicate');
    expect(await scene.told()).toEqual(['command.answered', 'command.timeout']);
    expect(scene.letters).toEqual(['answer_late', 'answer_late']);
  });

  it('are not sent when their time is over', async () => {
    port.answer = 'unreachable';
    await lock();
    await scene.clock.advance(60_001);
    const tried = port.sent.length;
    await commands.deliver();
    expect(port.sent).toHaveLength(tried);
  });

  const stranger = new TestKey('stranger');
  type Sent = TestPort['sent'][number];
  it.each<[string, string, string, (sent: Sent) => [string, Uint8Array]]>([
    [
      "another device's",
      'unknown',
      'command_unknown',
      (sent) => ['meter-2', answerOf(other, sent)],
    ],
    [
      'one that nobody asked for',
      'unknown',
      'command_unknown',
      (sent) => ['meter-1', answerOf(device, { ...sent, id: `cmd_${'0'.repeat(32)}` })],
    ],
    [
      'another nonce',
      'invalid',
      'answer_nonce',
      (sent) => ['meter-1', answerOf(device, { ...sent, nonce: '0'.repeat(32) })],
    ],
    [
      'no nonce',
      'invalid',
      'answer_nonce',
      (sent) => ['meter-1', answerOf(device, sent, {}, { more: { nonce: undefined } })],
    ],
    [
      'no signature',
      'invalid',
      'answer_unsigned',
      (sent) => ['meter-1', answerOf(device, sent, {}, { by: null })],
    ],
    [
      "a stranger's key",
      'invalid',
      'answer_key_unknown',
      (sent) => ['meter-1', answerOf(device, sent, {}, { by: stranger })],
    ],
    [
      'another body than was signed',
      'invalid',
      'answer_signature',
      (sent) => ['meter-1', answerOf(device, sent, {}, { more: { body: { status: 'x' } } })],
    ],
    [
      'a signature that is no base64',
      'invalid',
      'answer_signature',
      (sent) => [
        'meter-1',
        answerOf(device, sent, {}, { by: null, more: { signature: { value: '%' } } }),
      ],
    ],
    ['bytes', 'invalid', 'answer_unreadable', () => ['meter-1', new Uint8Array([0xff, 0])]],
    ['a list', 'invalid', 'answer_unreadable', () => ['meter-1', Buffer.from('[]')]],
    [
      'two of a member',
      'invalid',
      'answer_unreadable',
      ({ id }) => ['meter-1', Buffer.from(`{"id":"${id}","id":"${id}"}`)],
    ],
    [
      'a member too many',
      'invalid',
      'answer_unreadable',
      (sent) => ['meter-1', answerOf(device, sent, {}, { more: { extra: 1 } })],
    ],
    [
      'too many bytes',
      'invalid',
      'answer_unreadable',
      (sent) => ['meter-1', answerOf(device, sent, { text: 'x'.repeat(20_000) })],
    ],
  ])('take no answer that is %s: it is %s', async (_, outcome, code, make) => {
    const command = await lock();
    await settled();
    expect(await commands.answered(...make(port.sent[0]!))).toBe(outcome);
    expect(scene.letters).toEqual([code]);
    expect((await now(command)).state).toBe('sent');
    expect(await commands.answered('meter-1', answerOf(device, port.sent[0]!))).toBe('accepted');
  });

  it('take no answer of a key that was revoked or replaced', async () => {
    const ended = new TestDevice('meter-3');
    const stored = ended.stored('active');
    const [key] = stored.keys;
    const keys = [{ ...key!, revokedAtMs: scene.clock.nowMs() }];
    await scene.store.meters.register({ ...stored, keys }, unjournaled);
    await lock({ meterId: 'meter-3' });
    await settled();
    expect(await commands.answered('meter-3', answerOf(ended, port.sent[0]!))).toBe('invalid');
    expect(scene.letters).toEqual(['answer_key_unknown']);
  });

  it('take unsigned answers of old firmware when the configuration says so, and bad signatures never', async () => {
    commands = scene.replica([port], { unsignedAnswers: 'accept' });
    const [first, second] = [await lock(), await lock({ name: 'unlock' })];
    await settled();
    const [one, two] = [first, second].map(({ id }) => port.sent.find((sent) => sent.id === id)!);
    const answer = (bytes: Uint8Array) => commands.answered('meter-1', bytes);
    const bad = { by: device.key, more: { body: { status: 'forged' } } };
    expect(await answer(answerOf(device, one!, {}, bad))).toBe('invalid');
    const withNonce = (nonce?: string) =>
      answerOf(device, one!, { status: 'locked' }, { by: null, more: { nonce } });
    expect(await answer(withNonce('0'.repeat(32)))).toBe('invalid');
    expect(await answer(withNonce())).toBe('accepted');
    expect(await answer(answerOf(device, one!))).toBe('duplicate');
    expect((await now(first)).answer).toMatchObject({ assurance: 'unsigned' });
    expect(await answer(answerOf(device, two!))).toBe('accepted');
    expect((await now(second)).answer).toMatchObject({ assurance: 'device-signature' });
  });

  it('take the answers to a lock of firmware that knows orders only, when the configuration says so', async () => {
    const locked = Buffer.from('{"order_id":"ORDER_1","status":"locked","signature":"c2ln"}');
    const lockOrder = () => lock({ body: { order_id: 'ORDER_1', kwh_requested: '2' } });
    const first = await lockOrder();
    expect(await commands.answered('meter-1', locked)).toBe('invalid');
    expect(scene.letters.splice(0)).toEqual(['answer_unsigned']);
    commands = scene.replica([port], { unsignedAnswers: 'accept' });
    expect(await commands.answered('meter-2', locked)).toBe('unknown');
    expect(await commands.answered('meter-1', locked)).toBe('accepted');
    const resigned = Buffer.from('{"status":"locked","order_id":"ORDER_1","signature":"bmV3"}');
    expect(await commands.answered('meter-1', resigned)).toBe('duplicate');
    expect((await now(first)).answer).toMatchObject({
      body: { order_id: 'ORDER_1', status: 'locked' },
      assurance: 'unsigned',
    });
    const second = await lockOrder();
    const unnamed = await lock({ body: { kwh_requested: '1' } });
    expect(await commands.answered('meter-1', locked)).toBe('accepted');
    expect((await now(second)).state).toBe('answered');
    const rejected = Buffer.from(`{"order_id":"${unnamed.id}","status":"rejected"}`);
    expect(await commands.answered('meter-1', rejected)).toBe('accepted');
    expect(scene.letters).toEqual(['command_unknown']);
  });

  it('that are asked again with their id are the same, and another thing under it is refused', async () => {
    const id = `cmd_${'a'.repeat(32)}`;
    const command = await lock({ id });
    await settled();
    expect(await lock({ id, askedBy: 'somebody' })).toMatchObject({ nonce: command.nonce });
    await settled();
    expect(port.sent).toHaveLength(1);
    expect(await refusal(lock({ id, body: {} }))).toBe('command_conflict');
    expect(await refusal(lock({ id, meterId: 'meter-2' }))).toBe('command_conflict');
  });

  it('are bounded in number', async () => {
    commands = scene.replica([port], { maxOpenPerMeter: 1, maxOpen: 2, maxWaiting: 1 });
    const { id } = await lock();
    expect(await refusal(lock())).toBe('commands_full');
    const untilMs = scene.clock.nowMs() + 10;
    const waiting = commands.await(id, untilMs);
    expect(await refusal(commands.await(id, untilMs))).toBe('throttled');
    await scene.clock.advance(10);
    expect((await waiting)?.state).toBe('sent');
    expect(await commands.await('cmd_0', untilMs)).toBeUndefined();
  });

  it('tell who waits at once when the answer comes in here, and that the time is over', async () => {
    const command = await lock();
    await settled();
    const waiting = commands.await(command.id, scene.clock.nowMs() + 30_000);
    await settled();
    await commands.answered('meter-1', answerOf(device, port.sent[0]!));
    expect((await waiting)?.state).toBe('answered');
    const over = await lock({ name: 'unlock', deadlineMs: scene.clock.nowMs() + 100 });
    const untilEnd = commands.await(over.id, scene.clock.nowMs() + 30_000);
    await scene.clock.advance(600);
    expect((await untilEnd)?.id).toBe(over.id);
    expect(scene.clock.pending).toBe(0);
  });

  it('let nobody wait longer because the clock was set back', async () => {
    const command = await lock();
    await settled();
    const waiting = commands.await(command.id, scene.clock.nowMs() + 30_000);
    await settled();
    const { nowMs } = scene.clock;
    scene.clock.nowMs = () => nowMs.call(scene.clock) - 3_600_000;
    await scene.clock.advance(30_000);
    expect((await waiting)?.state).toBe('sent');
    expect(scene.clock.pending).toBe(0);
  });

  it.each<[string, Partial<StoredMeter>]>([
    ['was handed over', { accountId: 'bob' }],
    ['was retired', { state: 'retired' }],
  ])(
    'end when the meter %s: neither sent nor answered any more, but for what was',
    async (_, more) => {
      const command = await lock();
      const answered = await lock({ name: 'report' });
      await settled();
      const [first, second] = port.sent;
      const answer = answerOf(device, second!);
      expect(await commands.answered('meter-1', answer)).toBe('accepted');
      const { find } = scene.store.meters;
      scene.store.meters.find = async (query) =>
        (await find.call(scene.store.meters, query)).map((meter) => ({ ...meter, ...more }));
      const later = scene.replica([port]);
      await scene.clock.advance(10_000);
      await later.deliver();
      expect(port.sent).toEqual([first, second]);
      expect(await later.answered('meter-1', answerOf(device, first!))).toBe('unknown');
      expect(await later.answered('meter-1', answer)).toBe('duplicate');
      expect(scene.letters).toEqual(['command_ended']);
      expect((await now(command)).state).toBe('sent');
      expect((await now(answered)).state).toBe('answered');
      expect(await scene.told()).toEqual(['command.answered']);
    },
  );

  it('end with the gateway: who waits is told, nothing is sent any more', async () => {
    port.answer = 'never';
    const command = await lock();
    await settled();
    const waiting = commands.await(command.id, scene.clock.nowMs() + 30_000);
    await settled();
    await commands.stop();
    expect((await waiting)?.state).toBe('pending');
    expect(scene.clock.pending).toBe(0);
  });

  it.each<[string, object, string]>([
    ['no name', { name: '' }, 'command_invalid'],
    ['a name of another alphabet', { name: 'Lock!' }, 'command_invalid'],
    ['a body that is a list', { body: [] }, 'command_invalid'],
    ['a body too long', { body: { a: 'x'.repeat(16_400) } }, 'command_invalid'],
    ['half a character', { body: { a: '\ud800' } }, 'command_invalid'],
    ['a deadline that is over', { deadlineMs: 1 }, 'command_invalid'],
    ['a deadline too far', { deadlineMs: 1e15 }, 'command_invalid'],
    ['an id of another form', { id: 'cmd_1' }, 'command_invalid'],
    ['a meter that is none', { meterId: 'nobody' }, 'meter_not_found'],
  ])('are refused with %s', async (_, more, code) => {
    expect(await refusal(lock(more))).toBe(code);
    await settled();
    expect(port.sent).toEqual([]);
  });

  it('are refused for a meter that is not let in, and where no transport sends any', async () => {
    const pending = new TestDevice('meter-4');
    await scene.store.meters.register(pending.stored('pending'), unjournaled);
    expect(await refusal(lock({ meterId: 'meter-4' }))).toBe('meter_not_active');
    commands.sendBy([], false);
    expect(await refusal(lock())).toBe('commands_unavailable');
    // A replica that runs no transports keeps it for those that do.
    commands.sendBy([], true);
    expect((await lock()).state).toBe('pending');
  });
});
