import assert from 'node:assert/strict';
import { TransportScene } from './transport-scene.js';
import type { TransportSuite } from './transport-suite.js';

/** The end of an instance: what is under way is answered, what is new is not taken. */
export function stopTests(suite: TransportSuite): void {
  suite.with('answers what is under way before it stops, and takes nothing new', async (scene) => {
    const { transport, host } = scene;
    const sent = scene.send(await scene.connect());
    const arrival = await scene.soon(host.ingest.arrival(sent.message.mark), 'arrival');
    let stopped = false;
    const stopping = transport.stop().then(() => (stopped = true));
    const late = await scene.connect('meter-2').then(
      (client) => scene.send(client, scene.message('meter-2')),
      () => undefined,
    );
    assert.equal(stopped, false, 'stopped with a message under way');
    arrival.commit();
    assert.equal(await scene.outcomeOf(sent), 'ack', 'lost at stop');
    await scene.soon(stopping, 'the end of stop()');
    assert.notEqual(late?.told, 'ack', 'acknowledged what came after stop()');
    assert.deepEqual(
      late ? host.ingest.withText(late.message.mark) : [],
      [],
      'took it after stop()',
    );
  });

  suite.with(
    'is ready while it takes messages and not after; a second stop changes nothing',
    async (scene) => {
      const { transport } = scene;
      assert.equal((await transport.health()).ready, true);
      await scene.soon(Promise.all([transport.stop(), transport.stop()]), 'the end of stop()');
      await scene.soon(transport.stop(), 'the end of a third stop()');
      assert.equal((await transport.health()).ready, false);
    },
  );

  suite.with('does not wait for devices that are silent', async (scene) => {
    await scene.connect('meter-1');
    await scene.roundTrip(); // a later connection was served, so both are known
    await scene.soon(scene.transport.stop(), 'the end of stop()');
  });

  suite.it('opens nothing before it is started, and can be stopped then', async () => {
    const scene = await TransportScene.create(suite.options);
    assert.equal((await scene.transport.health()).ready, false);
    await scene.close();
  });

  suite.it('runs beside another instance, each with its own devices', async () => {
    const scenes = [
      await TransportScene.start(suite.options, 'first'),
      await TransportScene.start(suite.options, 'second'),
    ];
    try {
      for (const scene of scenes) await scene.roundTrip();
      const [first, second] = scenes as [TransportScene, TransportScene];
      await first.transport.stop();
      await second.roundTrip();
      assert.equal(first.host.ingest.arrivals.length, 2);
    } finally {
      for (const scene of scenes) await scene.close();
    }
  });
}
