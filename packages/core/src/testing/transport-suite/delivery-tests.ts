import assert from 'node:assert/strict';
import type { Arrival } from './held-ingest.js';
import type { TransportSuite } from './transport-suite.js';

/** At least once: acknowledged after the commit and never otherwise, and what was not can be sent again. */
export function deliveryTests(suite: TransportSuite): void {
  suite.with('acknowledges when the gateway has committed, and not before', async (scene) => {
    const sent = scene.send(await scene.connect());
    const arrival = await scene.soon(scene.host.ingest.arrival(sent.message.mark), 'arrival');
    await scene.roundTrip();
    assert.equal(sent.told, undefined, 'told something before the commit');
    arrival.commit();
    assert.equal(await scene.outcomeOf(sent), 'ack');
  });

  suite.with(
    'hands in the bytes as they came, and claims no more for them than it knows',
    async (scene) => {
      const { mark } = scene.message();
      const text = `{ "format": "emlog-1.1",   "document": {"meter_id":"meter-1","total_kwh":8.20,"note":"${mark}"} }`;
      const sent = scene.send(await scene.connect(), {
        mark,
        bytes: new TextEncoder().encode(text),
      });
      const arrival = await scene.soon(scene.host.ingest.arrival(mark), 'arrival');
      arrival.commit();
      assert.equal(await scene.outcomeOf(sent), 'ack');
      assert.ok(arrival.text.includes(text), `the bytes were changed: ${arrival.text}`);
      const { contentType, assurance, caller, vouchesFor } = arrival.message;
      assert.equal(contentType, 'application/json');
      assert.ok(['transport', 'reader', 'import', 'unsigned'].includes(assurance), assurance);
      if (assurance === 'transport')
        assert.ok(caller ?? vouchesFor, 'vouches for readings of a sender that it does not know');
    },
  );

  suite.with(
    'tells each sender its own answer, whatever order they are decided in',
    async (scene) => {
      const { ingest } = scene.host;
      const first = scene.send(await scene.connect('meter-1'), scene.message('meter-1'));
      const second = scene.send(await scene.connect('meter-2'), scene.message('meter-2'));
      const [early, late] = await scene.soon(
        Promise.all([ingest.arrival(first.message.mark), ingest.arrival(second.message.mark)]),
        'two messages under way at once',
      );
      late.refuse('unknown_key', 'register the meter');
      await scene.toldRefusal(second, 'unknown_key');
      assert.equal(first.told, undefined);
      early.commit();
      assert.equal(await scene.outcomeOf(first), 'ack');
    },
  );

  suite.with('takes many messages of one connection, each answered once', async (scene) => {
    const { ingest } = scene.host;
    ingest.answerBy((arrival) => arrival.commit());
    const client = await scene.connect();
    const sent = Array.from({ length: 20 }, () => scene.send(client));
    for (const each of sent) {
      assert.equal(await scene.outcomeOf(each), 'ack');
      assert.equal(ingest.withText(each.message.mark).length, 1);
    }
  });

  suite.with('tells a refusal, or acknowledges and keeps it with the reason', async (scene) => {
    const sent = scene.send(await scene.connect());
    (await scene.soon(scene.host.ingest.arrival(sent.message.mark), 'arrival')).refuse('too_old');
    await scene.toldRefusal(sent, 'too_old');
  });

  suite.with('acknowledges a message whose reading was rejected: it is settled', async (scene) => {
    const sent = scene.send(await scene.connect());
    (await scene.soon(scene.host.ingest.arrival(sent.message.mark), 'arrival')).commit([
      {
        id: null,
        leaf_hash: null,
        verdict: 'rejected',
        reason: 'bad_signature',
        duplicate: false,
        receipt: null,
      },
    ]);
    const outcome = await scene.outcomeOf(sent);
    assert.ok(outcome === 'ack' || outcome === 'refused', `told "${outcome}": it is sent for ever`);
  });

  const notKept: readonly (readonly [string, (arrival: Arrival) => void])[] = [
    ['cannot keep it for now', (arrival) => arrival.retryLater()],
    ['fails with it', (arrival) => arrival.fail()],
  ];
  for (const [what, answer] of notKept)
    suite.with(
      `never acknowledges a message when the gateway ${what}; it can be sent again`,
      async (scene) => {
        const { ingest } = scene.host;
        const client = await scene.connect();
        const sent = scene.send(client);
        answer(await scene.soon(ingest.arrival(sent.message.mark), 'arrival'));
        await scene.roundTrip();
        const { told } = sent;
        assert.ok(told !== 'ack' && told !== 'refused', `told "${told}", and nothing was kept`);
        client.cut();
        ingest.answerBy((arrival) => arrival.commit());
        // What the transport itself hands in again is as good.
        for (const again of ingest.withText(sent.message.mark).slice(1)) again.commit();
        const again = scene.send(await scene.connect(), sent.message);
        assert.equal(await scene.outcomeOf(again), 'ack');
      },
    );

  suite.with('outlives a connection that is cut with a message under way', async (scene) => {
    const { ingest } = scene.host;
    const client = await scene.connect();
    const sent = scene.send(client);
    const arrival = await scene.soon(ingest.arrival(sent.message.mark), 'arrival');
    client.cut();
    await scene.roundTrip();
    arrival.commit();
    ingest.answerBy((again) => again.commit());
    const again = scene.send(await scene.connect(), sent.message);
    assert.equal(await scene.outcomeOf(again), 'ack');
  });
}
