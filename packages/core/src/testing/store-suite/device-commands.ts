import assert from 'node:assert/strict';
import type { CommandAnswer, StoredCommand } from '../../device-commands/device-command.js';
import type { Journaled } from '../../logs/journal.js';
import type { Store } from '../../stores/store.js';
import { unjournaled } from '../unjournaled.js';
import { sha256, text, unique } from './sample-rows.js';
import { plain, type StoreScene, type Test } from './store-scene.js';

const NOW_MS = 1_760_000_000_000;
const ROOM = { open: 1_000_000, openOfMeter: 1_000_000 };

export function sampleCommand(more: Partial<StoredCommand> = {}): StoredCommand {
  return {
    id: `cmd_${String(unique()).padStart(32, '0')}`,
    nonce: '0f'.repeat(16),
    meterId: `meter ${unique()}`,
    accountId: 'ada',
    name: 'lock',
    body: { kwh: '2.5' },
    askedBy: 'operator-1',
    askedAtMs: NOW_MS,
    deadlineMs: NOW_MS + 100,
    state: 'pending',
    sends: 0,
    nextSendAtMs: NOW_MS,
    ...more,
  };
}

function answerOf(says: string, atMs = NOW_MS + 50): CommandAnswer {
  const hash = sha256(text(says));
  return { body: { says }, hash, atMs, assurance: 'device-signature', keyId: 'k1' };
}

const telling = (command: string): Journaled => ({
  ...unjournaled,
  events: [{ type: 'command.answered', atMs: NOW_MS, data: { command } }],
});

async function told(store: Store, command: string): Promise<number> {
  const events = await store.outbox.read(`commands ${unique()}`, ['command.answered'], 10_000);
  return events.filter(({ data }) => data['command'] === command).length;
}

export function deviceCommandTests(scene: StoreScene, it: Test): void {
  it('keeps a command as it was asked, once', async () => {
    const { commands } = await scene.store();
    const command = sampleCommand();
    assert.equal(await commands.put(command, ROOM), 'kept');
    assert.equal(await commands.put({ ...command, name: 'unlock' }, ROOM), 'known');
    assert.deepEqual(plain(await commands.get(command.id)), plain(command));
    assert.equal(await commands.get('cmd_0'), undefined);
    const { meterId } = command;
    const next = sampleCommand({ meterId });
    await commands.put(next, ROOM);
    const ids = async (limit: number) =>
      (await commands.list({ meterId, limit })).items.map(({ id }) => id);
    assert.deepEqual([await ids(9), await ids(1)], [[next.id, command.id], [next.id]]);
  });

  it('lists the commands of a meter, newest first, by account and by the state they are in at an instant', async () => {
    const { commands } = await scene.store();
    const meterId = `meter ${unique()}`;
    const deadlineMs = NOW_MS + 100;
    const put = async (more: Partial<StoredCommand>) => {
      const command = sampleCommand({ meterId, deadlineMs, ...more });
      await commands.put(command, ROOM);
      return command.id;
    };
    const done = await put({});
    const sent = await put({ accountId: 'bob' });
    const pending = await put({ deadlineMs: deadlineMs + 100 });
    await put({ meterId: `meter ${unique()}` });
    await commands.answer(done, answerOf('done'), unjournaled);
    await commands.markSent(sent, NOW_MS, NOW_MS + 5);
    const list = async (more: Partial<Parameters<typeof commands.list>[0]> = {}) =>
      (await commands.list({ meterId, limit: 9, ...more })).items.map(({ id }) => id);
    assert.deepEqual(await list(), [pending, sent, done]);
    assert.deepEqual(await list({ accountId: 'ada' }), [pending, done]);
    const at = async (nowMs: number) => [
      await list({ in: { state: 'pending', nowMs } }),
      await list({ in: { state: 'sent', nowMs } }),
      await list({ in: { state: 'answered', nowMs } }),
      await list({ in: { state: 'timeout', nowMs } }),
    ];
    assert.deepEqual(await at(deadlineMs), [[pending], [sent], [done], []]);
    assert.deepEqual(await at(deadlineMs + 1), [[pending], [], [done], [sent]]);
    assert.deepEqual(await at(deadlineMs + 101), [[], [], [done], [pending, sent]]);
    const first = await commands.list({ meterId, limit: 2 });
    assert.deepEqual(await list({ cursor: first.cursor! }), [done]);
    assert.equal((await commands.list({ meterId, limit: 3 })).cursor, undefined);
  });

  it('keeps no more open commands of a meter than it may have', async () => {
    const { commands } = await scene.store();
    const meterId = `meter ${unique()}`;
    const two = { open: ROOM.open, openOfMeter: 2 };
    const [first, second, third] = [1, 2, 3].map(() => sampleCommand({ meterId }));
    assert.equal(await commands.put(first!, two), 'kept');
    assert.equal(await commands.put(second!, two), 'kept');
    assert.equal(await commands.put(third!, two), 'full');
    assert.equal(await commands.put(second!, two), 'known');
    await commands.answer(first!.id, answerOf('done'), unjournaled);
    assert.equal(await commands.put(third!, two), 'kept');
    assert.equal(await commands.put(sampleCommand(), { open: 0, openOfMeter: 9 }), 'full');
  });

  it('gives out what is due in order, page by page, and not what is over', async () => {
    const { commands } = await scene.store();
    // Long before everything else that is due.
    const at = 1_000_000 * unique();
    const due = [2, 1, 1].map((n) => sampleCommand({ nextSendAtMs: at + n, deadlineMs: at + 9 }));
    const later = sampleCommand({ nextSendAtMs: at + 10, deadlineMs: at + 99 });
    for (const one of [...due, later]) await commands.put(one, ROOM);
    const sorted = due.toSorted(
      (a, b) => a.nextSendAtMs - b.nextSendAtMs || (a.id < b.id ? -1 : 1),
    );
    const own = async (nowMs: number, pauseMs = 9_999_999) => {
      const found: string[] = [];
      for (let behind: StoredCommand | undefined; ;) {
        const some = await commands.due({ nowMs, pauseMs }, 2, behind);
        found.push(...some.map(({ id }) => id));
        behind = some.at(-1);
        if (some.length < 2) return found.filter((id) => due.some((one) => one.id === id));
      }
    };
    assert.deepEqual(
      await own(at + 9),
      sorted.map(({ id }) => id),
    );
    assert.deepEqual(await own(at + 10), [], 'their deadline is over');
    await commands.markSent(sorted[0]!.id, at + 5, at + 8);
    await commands.markSent(sorted[0]!.id, at + 6, at + 12);
    const sent = await commands.get(sorted[0]!.id);
    assert.deepEqual(
      [sent?.state, sent?.sends, sent?.sentAtMs, sent?.nextSendAtMs],
      ['sent', 2, at + 5, at + 12],
    );
    assert.equal((await own(at + 9)).length, 2);
    // The clock was set back: what lies further ahead than any pause is sent.
    assert.deepEqual(await own(at, 5), [sorted[0]!.id]);
    for (const { id } of [...due, later]) await commands.answer(id, answerOf('', at), unjournaled);
  });

  it('takes the first of two answers that come at once, and tells it once', async () => {
    const store = await scene.store();
    const { commands } = store;
    const command = sampleCommand();
    await commands.put(command, ROOM);
    const outcomes = await Promise.all(
      ['yes', 'no'].map((says) => commands.answer(command.id, answerOf(says), telling(command.id))),
    );
    assert.deepEqual(outcomes.toSorted(), ['accepted', 'contradicts']);
    const winner = answerOf(outcomes[0] === 'accepted' ? 'yes' : 'no');
    assert.deepEqual(
      plain(await commands.get(command.id)),
      plain({ ...command, state: 'answered', answer: winner }),
    );
    const again = { ...winner, atMs: command.deadlineMs + 1_000 };
    assert.equal(await commands.answer(command.id, again, telling(command.id)), 'duplicate');
    assert.equal(await told(store, command.id), 1);
    await commands.markSent(command.id, NOW_MS, NOW_MS);
    assert.equal((await commands.get(command.id))?.state, 'answered');
  });

  it('takes an answer at the deadline and none after it, whoever looks first', async () => {
    const { commands } = await scene.store();
    const [onTime, late, over] = [1, 2, 3].map(() => sampleCommand());
    for (const one of [onTime, late, over]) await commands.put(one!, ROOM);
    const { deadlineMs } = onTime!;
    const answer = (id: string, atMs: number) =>
      commands.answer(id, answerOf('a', atMs), unjournaled);
    assert.equal(await answer(onTime!.id, deadlineMs), 'accepted');
    assert.equal(await answer(late!.id, deadlineMs + 1), 'late');
    const expired: string[] = [];
    const expire = (nowMs: number) =>
      commands.expire(nowMs, 1_000, ({ id }) => {
        expired.push(id);
        return telling(id);
      });
    await expire(deadlineMs);
    assert.ok(!expired.includes(over!.id), 'its last instant is not over');
    await Promise.all([expire(deadlineMs + 1), expire(deadlineMs + 1)]);
    assert.equal(expired.filter((id) => id === over!.id).length, 1);
    assert.ok(!expired.includes(onTime!.id));
    assert.equal(await answer(over!.id, deadlineMs), 'late', 'what was told to be over stays so');
    assert.equal((await commands.get(over!.id))?.state, 'timeout');
    assert.equal(await answer('cmd_0', NOW_MS), 'late');
  });

  it('counts commands by state, and forgets those that are long over', async () => {
    const { commands } = await scene.store();
    const before = await commands.counts();
    const [open, done] = [sampleCommand({ deadlineMs: 5 }), sampleCommand({ deadlineMs: 5 })];
    for (const one of [open, done]) await commands.put(one, ROOM);
    await commands.answer(done.id, answerOf('x', 5), unjournaled);
    const after = await commands.counts();
    assert.deepEqual([after.pending - before.pending, after.answered - before.answered], [1, 1]);
    await commands.prune(5);
    assert.ok(await commands.get(done.id));
    await commands.prune(6);
    assert.equal(await commands.get(done.id), undefined);
    assert.ok(await commands.get(open.id), 'what is open stays');
  });
}
