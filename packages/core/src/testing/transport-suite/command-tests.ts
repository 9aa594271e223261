import assert from 'node:assert/strict';
import type { CommandPort, DeviceCommand } from '../../spi/index.js';
import type { TransportClient } from './suite-options.js';
import type { TransportScene } from './transport-scene.js';
import type { TransportSuite } from './transport-suite.js';

const command = (device = 'meter-1'): DeviceCommand => ({
  id: 'cmd_1',
  nonce: '0123456789abcdef0123456789abcdef',
  device,
  name: 'resend',
  body: { from: 1, to: 3 },
  deadlineMs: Date.now() + 60_000,
});
const ANSWER = new TextEncoder().encode(
  '{"id":"cmd_1","nonce":"0123456789abcdef0123456789abcdef","result":"done","energy":8.20,"signature":"AAAA"}',
);

/** Requests to devices and what they answer. For transports whose capabilities say `commands`. */
export function commandTests(suite: TransportSuite): void {
  if (!suite.options.plugin.capabilities.commands) return;
  const ofDevices = suite.options.client.peer !== 'intermediary';

  suite.with(
    'sends a command to the device it is for, as often as it is asked to',
    async (scene) => {
      const device = await ableToAnswer(scene);
      const other = await ableToAnswer(scene, 'meter-2');
      for (let time = 0; time < 2; time += 1) {
        assert.equal(await send(scene), 'sent');
        const { id, nonce, name } = await scene.soon(device.nextCommand(), 'a command');
        assert.deepEqual({ id, nonce, name }, pick(command()));
      }
      let seenByOther = false;
      void other.nextCommand().then(
        () => (seenByOther = true),
        () => {},
      );
      await scene.roundTrip();
      assert.equal(seenByOther, false, 'another device got the command');
    },
  );

  suite.with('acknowledges an answer when it is kept, and not before', async (scene) => {
    const { desk } = scene.host;
    const device = await ableToAnswer(scene);
    await send(scene);
    await scene.soon(device.nextCommand(), 'a command');
    const release = desk.hold();
    let told: string | undefined;
    const answering = device.answer(ANSWER).then((outcome) => (told = outcome));
    await scene.roundTrip();
    assert.equal(told, undefined, 'told something before the answer was kept');
    release();
    assert.equal(await scene.soon(answering, 'an acknowledgement of the answer'), 'ack');
    const [kept] = desk.answers;
    assert.equal(kept?.device, 'meter-1');
    assert.deepEqual(Buffer.from(kept.bytes).toString(), Buffer.from(ANSWER).toString());
  });

  suite.with('acknowledges an answer that comes twice both times', async (scene) => {
    const device = await ableToAnswer(scene);
    for (let time = 0; time < 2; time += 1)
      assert.equal(await scene.soon(device.answer(ANSWER), 'an acknowledgement'), 'ack');
    assert.deepEqual(
      scene.host.desk.answers.map(({ verdict }) => verdict),
      ['accepted', 'duplicate'],
    );
  });

  suite.with('does not acknowledge an answer that could not be kept', async (scene) => {
    const { desk } = scene.host;
    const device = await ableToAnswer(scene);
    desk.unavailable = new Error('the store is away');
    let told: string | undefined;
    void device.answer(ANSWER).then(
      (outcome) => (told = outcome),
      () => {},
    );
    await scene.roundTrip();
    assert.ok(told !== 'ack' && told !== 'refused', `told "${told}", and nothing was kept`);
    desk.unavailable = undefined;
    device.cut();
    const again = await ableToAnswer(scene);
    assert.equal(await scene.soon(again.answer(ANSWER), 'an acknowledgement'), 'ack');
  });

  if (ofDevices)
    suite.with('says that a device is unreachable when it is not connected', async (scene) => {
      assert.equal(await send(scene), 'unreachable');
      const device = await ableToAnswer(scene);
      assert.equal(await send(scene), 'sent');
      await scene.soon(device.close(), 'closing a connection');
      await scene.roundTrip();
      assert.equal(await send(scene), 'unreachable');
    });

  if (ofDevices)
    suite.with('takes an answer as that of the device that gave it', async (scene) => {
      const other = await ableToAnswer(scene, 'meter-2');
      await scene.soon(other.answer(ANSWER), 'something told of the answer');
      assert.ok(scene.host.desk.answers.every(({ device }) => device === 'meter-2'));
    });
}

type Answering = TransportClient & Required<Pick<TransportClient, 'nextCommand' | 'answer'>>;

async function ableToAnswer(scene: TransportScene, device?: string): Promise<Answering> {
  const client = await scene.connect(device);
  assert.ok(client.nextCommand && client.answer, 'the driver has nextCommand and answer');
  return client as Answering;
}

function send(scene: TransportScene): ReturnType<CommandPort['send']> {
  const { commands } = scene.transport;
  assert.ok(commands, 'capabilities say commands, and there is no port');
  return scene.soon(
    commands.send(command(), new AbortController().signal),
    'the command on its way',
  );
}

const pick = ({ id, nonce, name }: DeviceCommand) => ({ id, nonce, name });
