import { describe, expect, it } from '@jest/globals';
import { isRetryable, type CommitQueue } from '../../src/ingestion/commit-queue.js';
import type { CommittedRow, IngestRow, IngestStore } from '../../src/ingestion/ingest.store.js';
import { StoreUnavailable } from '../../src/stores/store.js';
import { openFixture, type Fixture } from './ingestion-fixture.js';
import { TestDevice } from './test-devices.js';

const NOW = Date.UTC(2026, 10, 21, 12);
const device = new TestDevice('meter-1');

/** Holds every commit until told, and counts rows per group. */
class HeldStore implements IngestStore {
  readonly groups: number[] = [];
  private held: (() => void)[] = [];
  open = false;
  failure: Error | undefined;

  constructor(private readonly inner: IngestStore) {}

  async commit(
    rows: readonly IngestRow[],
    issue: Parameters<IngestStore['commit']>[1],
  ): Promise<readonly CommittedRow[]> {
    this.groups.push(rows.length);
    if (!this.open) await new Promise<void>((resolve) => this.held.push(resolve));
    if (this.failure !== undefined) throw this.failure;
    return this.inner.commit(rows, issue);
  }

  release(): void {
    for (const resolve of this.held.splice(0)) resolve();
  }
}

async function open(commit: object = {}): Promise<Fixture & { readonly held: HeldStore }> {
  let held: HeldStore | undefined;
  const fixture = await openFixture({
    nowMs: NOW,
    meters: [device.stored('active')],
    config: { commit },
    wrap: (store) => (held = new HeldStore(store)),
  });
  return { ...fixture, held: held! };
}

/** Lets everything that is ready run. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

const reading = (n: number): object => device.signed(device.reading(NOW - n * 900_000));

describe('Group commit', () => {
  it('answers nobody before the store has committed', async () => {
    const { send, held } = await open();
    let answered = false;
    const answer = send(reading(0)).then((value) => {
      answered = true;
      return value;
    });
    await settle();
    expect(held.groups).toEqual([1]);
    expect(answered).toBe(false);
    held.release();
    expect(await answer).toMatchObject({ items: [{ verdict: 'accepted' }] });
  });

  it('writes what came meanwhile as one group, with one signature', async () => {
    const { send, held, signer } = await open({ flushers: 1 });
    const answers = [send(reading(0))];
    await settle();
    answers.push(send(reading(1)), send(reading(2)), send([reading(3), reading(4)]));
    await settle();
    expect(held.groups).toEqual([1]);
    held.open = true;
    held.release();
    await Promise.all(answers);
    expect(held.groups).toEqual([1, 4]);
    expect(signer.signatures).toBe(2);
  });

  it('starts a second group beside the first when one has waited long enough', async () => {
    const { send, held, timers, clock } = await open({ flushers: 2, lingerMs: 4 });
    const answers = [send(reading(0))];
    await settle();
    answers.push(send(reading(1)));
    await settle();
    expect(held.groups).toEqual([1]);
    clock.ms += 4;
    timers.fire();
    expect(held.groups).toEqual([1, 1]);
    held.open = true;
    held.release();
    expect(await Promise.all(answers)).toHaveLength(2);
  });

  it('bounds a group by rows without splitting a message', async () => {
    const { send, held } = await open({ flushers: 1, groupRows: 3 });
    const answers = [send(reading(0))];
    await settle();
    answers.push(send([reading(1), reading(2)]), send([reading(3), reading(4)]), send(reading(5)));
    await settle();
    held.open = true;
    held.release();
    await Promise.all(answers);
    expect(held.groups).toEqual([1, 2, 3]);
  });
});

describe('Overload', () => {
  it('sheds what does not fit, keeps what it took, and takes again afterwards', async () => {
    const { send, held, counted, queue } = await open({ flushers: 1, queueRows: 2 });
    const taken = [send(reading(0)), send(reading(1))];
    await settle();
    const shed = { kind: 'retry', code: 'throttled', retryAfterMs: 1000 };
    expect(await send(reading(2))).toEqual(shed);
    expect(queue.facts()).toMatchObject({ heldRows: 2 });
    held.open = true;
    held.release();
    await Promise.all(taken);
    expect(await counted()).toBe(2);
    expect(queue.facts()).toMatchObject({ heldRows: 0, heldBytes: 0, waitingRows: 0 });
    expect(await send(reading(2))).toMatchObject({ items: [{ verdict: 'accepted' }] });
  });

  it('sheds when bytes are full', async () => {
    const { send, held } = await open({ queueBytes: 1000 });
    const first = send(reading(0));
    await settle();
    expect(await send(reading(1))).toMatchObject({ kind: 'retry', code: 'throttled' });
    held.release();
    expect(await first).toMatchObject({ kind: 'items' });
  });

  it('counts the message of which little is kept, and does not take what would exceed the bytes', async () => {
    const padded = (n: number) => [reading(n), { padding: 'x'.repeat(20_000) }];
    const { send, held, queue } = await open({ flushers: 1, queueBytes: 100_000 });
    const first = send(padded(0));
    await settle();
    expect(queue.facts().heldRows).toBe(1);
    expect(queue.facts().heldBytes).toBeGreaterThan(2 * 20_000);
    // Less than the bound is held, and the second one would go beyond it.
    expect(await send(padded(1))).toMatchObject({ kind: 'retry', code: 'throttled' });
    held.open = true;
    held.release();
    expect(await first).toMatchObject({ kind: 'items' });
    expect(queue.facts().heldBytes).toBe(0);
  });

  it('sheds while the oldest waiting row is older than a second, not at exactly one', async () => {
    const { send, held, clock } = await open({ flushers: 1 });
    const taken = [send(reading(0))];
    await settle();
    taken.push(send(reading(1)));
    await settle();
    clock.ms += 1000;
    taken.push(send(reading(2)));
    await settle();
    clock.ms += 1;
    expect(await send(reading(3))).toMatchObject({ kind: 'retry', code: 'throttled' });
    held.open = true;
    held.release();
    expect(await Promise.all(taken)).toHaveLength(3);
  });
});

describe('A store that fails', () => {
  it('is answered with retry when it cannot be reached, and nothing is acknowledged', async () => {
    const { send, held, counted, queue } = await open();
    held.open = true;
    held.failure = new StoreUnavailable('gone');
    const answer = { kind: 'retry', code: 'store_unavailable', retryAfterMs: 1000 };
    expect(await send(reading(0))).toEqual(answer);
    expect(await counted()).toBe(0);
    expect(queue.facts()).toMatchObject({ heldRows: 0, groupsUnderWay: 0 });
  });

  it('with a defect rejects, and nothing is acknowledged', async () => {
    const { send, held, counted } = await open();
    held.open = true;
    held.failure = new TypeError('a defect');
    await expect(send(reading(0))).rejects.toThrow('a defect');
    expect(await counted()).toBe(0);
  });

  it('that answers fewer rows than it got is a defect', async () => {
    const { queue, held } = await open();
    held.open = true;
    held.commit = async () => [];
    const row = { bytes: new Uint8Array(1) } as IngestRow;
    await expect(queue.submit([row], 1)).rejects.toThrow('the store answered 0 of 1 rows');
  });
});

describe('Stopping', () => {
  it('writes what is held, then refuses', async () => {
    const { send, held, queue, counted } = await open({ flushers: 1 });
    const taken = [send(reading(0))];
    await settle();
    taken.push(send(reading(1)));
    await settle();
    const stopped = queue.stop();
    expect(await send(reading(2))).toMatchObject({ kind: 'retry', code: 'store_unavailable' });
    held.open = true;
    held.release();
    await stopped;
    expect(await counted()).toBe(2);
    expect(await Promise.all(taken)).toMatchObject([{ kind: 'items' }, { kind: 'items' }]);
    await queue.stop();
  });

  it('is an error that says to come again', async () => {
    const { queue } = await open();
    await queue.stop();
    const error: unknown = await rejection(queue);
    expect(isRetryable(error)).toBe(true);
  });
});

async function rejection(queue: CommitQueue): Promise<unknown> {
  try {
    await queue.submit([{ bytes: new Uint8Array(1) } as IngestRow], 1);
    return undefined;
  } catch (error) {
    return error;
  }
}
