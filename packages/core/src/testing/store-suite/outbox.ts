import assert from 'node:assert/strict';
import type { DomainEvent } from '../../spi/index.js';
import { quarterHours, sampleReading, sampleSignature, sentAgain, unique } from './sample-rows.js';
import type { StoreScene, Test } from './store-scene.js';

const LONG_GROUPS = 6;
const ROWS_PER_LONG_GROUP = 30;

export function outboxTests(scene: StoreScene, it: Test): void {
  /** Reads and confirms everything behind the cursor, a few events at a time. */
  const drain = async (
    cursor: string,
    types: readonly string[] | 'all' = 'all',
  ): Promise<readonly DomainEvent[]> => {
    const { outbox } = await scene.store();
    const found: DomainEvent[] = [];
    for (let reads = 0; reads < 10_000; reads += 1) {
      const events = await outbox.read(cursor, types, 50);
      const last = events.at(-1);
      if (last === undefined) return found;
      found.push(...events);
      await outbox.advance(cursor, last.id);
    }
    throw new Error('the outbox never ended: confirmed events come again');
  };
  const entriesOf = (events: readonly DomainEvent[]): readonly unknown[] =>
    events.map(({ data }) => data['entry']);

  it('delivers an event per stored entry by type, in order, until it is confirmed', async () => {
    const { outbox } = await scene.store();
    const cursor = `reader ${unique()}`;
    await drain(cursor);
    const rows = quarterHours(3);
    for (const row of rows) await scene.commit(row);
    const held = sampleReading({ verdict: 'quarantined', reason: 'meter_pending' });
    await scene.commit(held);
    await scene.commit(rows[0]!);

    const accepted = await outbox.read(cursor, ['reading.accepted'], 100);
    const ids = rows.map(({ id }) => id);
    assert.deepEqual(entriesOf(accepted), ids, 'a duplicate is no event');
    assert.deepEqual(await outbox.read(cursor, ['reading.accepted'], 100), accepted);
    assert.deepEqual(await outbox.read(cursor, ['reading.accepted'], 2), accepted.slice(0, 2));
    assert.deepEqual(await outbox.read(cursor, ['nothing.happened'], 100), []);
    assert.deepEqual(entriesOf(await outbox.read(cursor, 'all', 100)), [...ids, held.id]);

    await outbox.advance(cursor, accepted[0]!.id);
    assert.deepEqual(entriesOf(await outbox.read(cursor, 'all', 100)), [...ids.slice(1), held.id]);
    assert.deepEqual(
      await outbox.read(cursor, ['reading.quarantined'], 100),
      (await outbox.read(cursor, 'all', 100)).slice(-1),
    );
    const [first, second] = accepted;
    assert.ok(first && second);
    await outbox.advance(cursor, second.id);
    await outbox.advance(cursor, first.id);
    assert.deepEqual(
      entriesOf(await outbox.read(cursor, ['reading.accepted'], 100)),
      ids.slice(2),
      'a late confirmation moves no cursor back',
    );
  });

  it('never lets an event that commits late hide behind a cursor that went on', async () => {
    const cursor = `reader ${unique()}`;
    await drain(cursor);
    const expected: string[] = [];
    let writing = true;
    // Long transactions: many entries judged again, each with a signature to keep.
    const longOnes = async (): Promise<void> => {
      for (let round = 0; round < LONG_GROUPS; round += 1) {
        const rows = quarterHours(ROWS_PER_LONG_GROUP, { assurance: 'unsigned' });
        await scene.commit(...rows);
        const signed = { assurance: 'device-signature', signature: sampleSignature() } as const;
        await scene.commit(...rows.map((row) => sentAgain(row, signed)));
        expected.push(...rows.flatMap(({ id }) => [id, id]));
      }
      writing = false;
    };
    // Short ones, which begin later and overtake them.
    const shortOnes = async (): Promise<void> => {
      while (writing) {
        const row = sampleReading();
        await scene.commit(row);
        expected.push(row.id);
      }
    };
    const delivered: DomainEvent[] = [];
    const read = async (): Promise<void> => {
      while (writing) {
        delivered.push(...(await drain(cursor)));
        await new Promise((resolve) => {
          setImmediate(resolve);
        });
      }
    };
    await Promise.all([longOnes(), shortOnes(), shortOnes(), read()]);
    delivered.push(...(await drain(cursor)));
    assert.deepEqual(entriesOf(delivered).toSorted(), expected.toSorted());
    assert.equal(new Set(delivered.map(({ id }) => id)).size, delivered.length);
    const ids = delivered.map(({ id }) => id);
    assert.deepEqual(ids, ids.toSorted(), 'ids grow in the order of delivery');
  });

  it('tells its newest event, and the events of a time', async () => {
    const { outbox } = await scene.store();
    const cursor = `reader ${unique()}`;
    await drain(cursor);
    const rows = quarterHours(3);
    for (const row of rows) await scene.commit(row);
    const events = await outbox.read(cursor, 'all', 10);
    assert.equal(await outbox.last(), events.at(-1)?.id);
    const [first, second, third] = events.map(({ atMs }) => atMs);
    const range = { fromMs: second!, toMs: third! + 1 };
    assert.deepEqual(await outbox.between(range, undefined, 10), events.slice(1));
    assert.deepEqual(await outbox.between(range, events[1]!.id, 10), events.slice(2));
    assert.deepEqual(await outbox.between(range, undefined, 1), events.slice(1, 2));
    assert.deepEqual(
      await outbox.between({ fromMs: first!, toMs: second! }, undefined, 10),
      events.slice(0, 1),
    );
  });

  it('gives what is behind an id to who keeps no cursor, and keeps nothing for it', async () => {
    const { outbox } = await scene.store();
    const cursor = `reader ${unique()}`;
    await drain(cursor);
    const before = await outbox.last();
    assert.ok(before !== undefined);
    assert.deepEqual(await outbox.behind(before, 10), []);
    await scene.commit(...quarterHours(2));
    await scene.commit(sampleReading({ verdict: 'quarantined', reason: 'meter_pending' }));
    const events = await outbox.read(cursor, 'all', 10);
    assert.equal(events.length, 3);
    assert.deepEqual(await outbox.behind(before, 10), events);
    assert.deepEqual(await outbox.behind(before, 2), events.slice(0, 2));
    assert.deepEqual(await outbox.behind(events[0]!.id, 10), events.slice(1));
    assert.ok((await outbox.behind('', 10)).length > 0);
    await drain(cursor);
  });

  it('prunes only what is old and what every cursor has passed', async () => {
    const { outbox } = await scene.store();
    const [fast, slow] = [`reader ${unique()}`, `reader ${unique()}`];
    await drain(fast);
    await drain(slow);
    const row = sampleReading();
    await scene.commit(row);
    const [event] = await outbox.read(fast, 'all', 10);
    assert.ok(event);
    await drain(fast);
    await outbox.prune(event.atMs + 1);
    assert.deepEqual(entriesOf(await outbox.read(slow, 'all', 10)), [row.id]);
    await drain(slow);
    assert.equal(await outbox.prune(0), 0, 'nothing is that old');
  });
}
