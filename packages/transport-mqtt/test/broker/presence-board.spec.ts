import { describe, expect, test } from '@jest/globals';
import { KeptDesk, silentLogger } from '@wattproof/core/testing';
import { PresenceBoard } from '../../src/broker/presence-board.js';

describe('PresenceBoard', () => {
  test('tells the newest when the desk was slow, and says offline when the last connection has gone', async () => {
    const desk = new KeptDesk();
    const release = desk.hold();
    const board = new PresenceBoard(desk, silentLogger);
    board.came('meter-1', 1);
    board.went('meter-1', 'disconnected', 2);
    board.came('meter-1', 3);
    board.came('meter-1', 4);
    board.went('meter-1', 'timeout', 5);
    release();
    await desk.until(({ presences }) => (presences.length === 2 ? true : undefined));
    board.went('meter-1', 'will', 6);
    await board.close();
    expect(desk.presences.map(({ state, why, atMs }) => [state, why, atMs])).toEqual([
      ['online', 'connected', 1],
      ['online', 'connected', 3],
      ['offline', 'will', 6],
    ]);
  });

  test('a desk that cannot keep it keeps nobody from leaving', async () => {
    const desk = new KeptDesk();
    desk.unavailable = new Error('no store');
    const board = new PresenceBoard(desk, silentLogger);
    board.came('meter-1', 1);
    await board.close();
    expect(desk.presences).toEqual([]);
  });
});
