import assert from 'node:assert/strict';
import type { TransportSuite } from './transport-suite.js';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const WRONG: readonly (readonly [string, Uint8Array])[] = [
  ['nothing at all', new Uint8Array()],
  ['bytes that are no text', Uint8Array.of(0xff, 0xfe, 0x00, 0xc3, 0x28, 0x80, 0xed, 0xa0, 0x80)],
  ['half a document', bytesOf('{"format":"reading/1","docum')],
  ['a number', bytesOf('42')],
  ['a list of nothing', bytesOf('[]')],
  ['a member named __proto__', bytesOf('{"__proto__":{"ok":true},"constructor":1}')],
  ['brackets without end', bytesOf('['.repeat(5_000))],
];

/** What is wrong harms nobody but its sender, and its sender is told. */
export function badInputTests(suite: TransportSuite): void {
  suite.with('lets what is not its protocol harm nobody else', async (scene) => {
    const before = await scene.connect('meter-2');
    const broken = await scene.connect('meter-1');
    await scene.soon(broken.sendGarbage(), 'garbage on its way');
    await scene.roundTrip();
    scene.host.ingest.answerBy((arrival) => arrival.commit());
    const sent = scene.send(before, scene.message('meter-2'));
    assert.equal(await scene.outcomeOf(sent), 'ack', 'a connection that stood is served');
    const again = scene.send(await scene.connect('meter-1'));
    assert.equal(await scene.outcomeOf(again), 'ack', 'the sender of garbage may come again');
    const { live, ready } = await scene.transport.health();
    assert.deepEqual({ live, ready }, { live: true, ready: true });
  });

  for (const [what, bytes] of WRONG)
    suite.with(
      `tells the sender of ${what} that it is refused, and serves others`,
      async (scene) => {
        scene.host.ingest.answerBy((arrival) => {
          if (!arrival.text.includes('mark-')) arrival.refuse('not_json');
        });
        const client = await scene.connect('meter-1');
        const sent = scene.send(client, { mark: what, bytes });
        if ((await scene.outcomeOf(sent)) !== 'closed') await scene.toldRefusal(sent);
        await scene.roundTrip();
      },
    );

  const isJudged = suite.options.client.size === 'judged by the gateway';
  const seen = isJudged ? 'when the gateway does' : 'before the gateway sees it';
  suite.with(`refuses a message that is too large ${seen}`, async (scene) => {
    const { ingest } = scene.host;
    const client = await scene.connect('meter-1');
    const { mark } = scene.message();
    const bytes = bytesOf(`{"note":"${mark}${'x'.repeat(suite.options.oversizedBytes)}"}`);
    const sent = scene.send(client, { mark, bytes });
    if (isJudged) (await scene.soon(ingest.arrival(mark), 'arrival')).refuse('message_too_large');
    const code = isJudged ? 'message_too_large' : undefined;
    if ((await scene.outcomeOf(sent)) !== 'closed') await scene.toldRefusal(sent, code);
    assert.equal(ingest.withText(mark).length, isJudged ? 1 : 0, 'the gateway was given all of it');
    await scene.roundTrip();
    ingest.answerBy((arrival) => arrival.commit());
    const after = scene.send(await scene.connect('meter-1'));
    assert.equal(await scene.outcomeOf(after), 'ack', 'its sender may send what is small enough');
  });
}
