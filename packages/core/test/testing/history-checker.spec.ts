import assert from 'node:assert/strict';
import { checkHistory, type ClientRecord } from '../../src/testing/history-checker.js';

const record = (key: string, outcome: ClientRecord['outcome']): ClientRecord => ({ key, outcome });

describe('the history checker', () => {
  it('finds a store right that has all it acknowledged once and nothing else', () => {
    const history = [
      record('a', 'acknowledged'),
      record('b', 'unknown'),
      record('b', 'acknowledged'),
      record('c', 'unknown'),
      record('d', 'unknown'),
      record('e', 'refused'),
    ];
    assert.deepEqual(checkHistory(history, ['a', 'b', 'c']), {
      ok: true,
      sent: 5,
      acknowledged: 2,
      lost: [],
      duplicates: [],
      unexplained: [],
      refusedButStored: [],
      unknownKept: 1,
      unknownGone: 1,
    });
  });

  it('names what was acknowledged and lost, also when a later try stayed unanswered', () => {
    const history = [record('a', 'acknowledged'), record('a', 'unknown'), record('b', 'unknown')];
    const verdict = checkHistory(history, []);
    assert.equal(verdict.ok, false);
    assert.deepEqual(verdict.lost, ['a']);
    assert.equal(verdict.unknownGone, 1);
  });

  it('names what is stored twice, what nobody sent and what was refused', () => {
    const history = [record('a', 'acknowledged'), record('r', 'refused')];
    const verdict = checkHistory(history, ['a', 'a', 'x', 'r']);
    assert.equal(verdict.ok, false);
    assert.deepEqual(verdict.duplicates, [{ key: 'a', times: 2 }]);
    assert.deepEqual(verdict.unexplained, ['x']);
    assert.deepEqual(verdict.refusedButStored, ['r']);
  });
});
