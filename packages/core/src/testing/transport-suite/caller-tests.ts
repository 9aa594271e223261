import assert from 'node:assert/strict';
import { keyOf, type TransportScene } from './transport-scene.js';
import type { TransportSuite } from './transport-suite.js';

/** Who is at the other end. For transports that ask the host, when it is the devices that speak to them. */
export function callerTests(suite: TransportSuite): void {
  const { plugin, client } = suite.options;
  if (!plugin.capabilities.needs?.callers || client.peer === 'intermediary') return;

  suite.with('says whose a message is, as the host knows them', async (scene) => {
    for (const device of ['meter-1', 'meter-2']) {
      const sent = scene.send(await scene.connect(device), scene.message(device));
      const arrival = await scene.soon(scene.host.ingest.arrival(sent.message.mark), 'arrival');
      arrival.commit();
      assert.equal(await scene.outcomeOf(sent), 'ack');
      const { caller } = arrival.message;
      assert.ok(caller, 'the message has no caller');
      assert.ok(await scene.host.callers.isValid(caller), 'the caller is not one of the host');
      assert.equal(caller.id, device);
    }
  });

  suite.with('lets nobody in with a credential that nobody knows', async (scene) => {
    await nothingComesIn(scene, () => scene.connect('meter-1', keyOf('somebody-else')));
    await scene.roundTrip();
  });

  suite.with(
    'takes nothing more from a caller that was revoked, on a connection that stands',
    async (scene) => {
      const { callers, ingest } = scene.host;
      const revoked = callers.knowDevice('wpk_suite.to-be-revoked', 'meter-3');
      const connected = await scene.connect('meter-3', 'wpk_suite.to-be-revoked');
      const sent = scene.send(connected, scene.message('meter-3'));
      (await scene.soon(ingest.arrival(sent.message.mark), 'arrival')).commit();
      assert.equal(await scene.outcomeOf(sent), 'ack');
      callers.revoke(revoked);
      await nothingComesIn(scene, async () => connected);
      await nothingComesIn(scene, () => scene.connect('meter-3', 'wpk_suite.to-be-revoked'));
      await scene.roundTrip();
    },
  );

  suite.with(
    'lets nobody in while the host cannot be asked, and everybody after',
    async (scene) => {
      const { callers } = scene.host;
      callers.unavailable = new Error('the store is away');
      await nothingComesIn(scene, () => scene.connect());
      callers.unavailable = undefined;
      await scene.roundTrip();
    },
  );
}

/** Either there is no connection, or what is sent over it is not acknowledged; the gateway is given nothing. */
async function nothingComesIn(
  scene: TransportScene,
  connect: () => ReturnType<TransportScene['connect']>,
): Promise<void> {
  const client = await connect().catch(() => undefined);
  if (!client) return;
  const sent = scene.send(client);
  scene.host.ingest.answerBy((arrival) => arrival.commit());
  const outcome = await scene.outcomeOf(sent);
  scene.host.ingest.answerBy(() => {});
  assert.notEqual(outcome, 'ack');
  assert.deepEqual(scene.host.ingest.withText(sent.message.mark), [], 'it was handed in');
}
