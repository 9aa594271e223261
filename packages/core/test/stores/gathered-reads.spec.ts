import { GatheredReads } from '../../src/stores/mikro-orm/gathered-reads.js';
import { StoreUnavailable } from '../../src/stores/store.js';

/** Statements that are answered when the test says so; key `k` has the value `value of k`, keys with `-` have none. */
function database(limits = { statements: 1, keys: 8 }) {
  const statements: { keys: readonly string[]; answer: () => void; fail: (e: Error) => void }[] =
    [];
  const reads = new GatheredReads<string>((keys) => {
    const { promise, resolve, reject } = Promise.withResolvers<ReadonlyMap<string, string>>();
    const values = keys.filter((key) => !key.includes('-')).map((key) => [key, `value of ${key}`]);
    const answer = () => resolve(new Map(values as [string, string][]));
    statements.push({ keys, answer, fail: reject });
    return promise;
  }, limits);
  return { reads, statements, asked: () => statements.map(({ keys }) => keys) };
}

describe('Gathered reads', () => {
  it('send who asks during a statement together in the next one', async () => {
    const { reads, statements, asked } = database();
    const values = ['a', 'b', 'b', 'c-'].map((key) => reads.get(key));
    expect(asked()).toEqual([['a']]);
    statements[0]!.answer();
    expect(await values[0]).toBe('value of a');
    expect(asked()).toEqual([['a'], ['b', 'c-']]);
    statements[1]!.answer();
    expect(await Promise.all(values)).toEqual([
      'value of a',
      'value of b',
      'value of b',
      undefined,
    ]);
  });

  it('read again for who asks for a key whose statement already began', async () => {
    const { reads, statements, asked } = database();
    const first = reads.get('a');
    const second = reads.get('a');
    statements[0]!.answer();
    await first;
    expect(asked()).toEqual([['a'], ['a']]);
    statements[1]!.answer();
    expect(await second).toBe('value of a');
  });

  it('hold no more statements than they may, and none for ever', async () => {
    const { reads, statements, asked } = database({ statements: 2, keys: 8 });
    const values = ['a', 'b', 'c'].map((key) => reads.get(key));
    expect(asked()).toEqual([['a'], ['b']]);
    statements[1]!.fail(new Error('gone'));
    await expect(values[1]).rejects.toThrow('gone');
    expect(asked()).toEqual([['a'], ['b'], ['c']]);
    statements[0]!.answer();
    statements[2]!.answer();
    expect(await Promise.all([values[0], values[2]])).toEqual(['value of a', 'value of c']);
  });

  it('refuse more than may wait, and split what is too much for a statement', async () => {
    const { reads, statements, asked } = database({ statements: 1, keys: 200 });
    const values = Array.from({ length: 201 }, (_, i) => reads.get(String(i)));
    await expect(reads.get('one more')).rejects.toThrow(StoreUnavailable);
    for (const at of [0, 1, 2]) {
      statements[at]!.answer();
      await values[at === 0 ? 0 : at === 1 ? 1 : 200];
    }
    expect(asked().map((keys) => keys.length)).toEqual([1, 128, 72]);
    expect(await values[150]).toBe('value of 150');
  });
});
