import { describe, expect, it } from '@jest/globals';
import { gatewayLogger } from '../src/logger.js';

function written(level = 'debug') {
  const lines: string[] = [];
  return { lines, logger: gatewayLogger(level, { write: (line) => void lines.push(line) }) };
}

describe('The log', () => {
  it('is one JSON object a line with level, time and constant message', () => {
    const { lines, logger } = written();
    logger.info('batch sealed', { number: 3 });
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      level: 30,
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      msg: 'batch sealed',
      number: 3,
    });
  });

  it('hides fields that hold secrets, at the top and one level down', () => {
    const { lines, logger } = written();
    logger.warn('refused', {
      password: 'hunter2',
      request: { 'x-api-key': 'hunter2', authorization: 'hunter2', path: '/logs' },
      anchor: { privateKey: 'hunter2', mnemonic: 'hunter2', token: 'hunter2' },
    });
    expect(lines.join('')).not.toContain('hunter2');
    expect(lines.join('')).toContain('/logs');
  });

  it('hides the password of a URL even in the message of an error', () => {
    const { lines, logger } = written();
    logger.error('store failed', {
      error: new Error('no answer from postgresql://wattproof:hunter2@db:5432/log?x=1'),
    });
    expect(lines.join('')).not.toContain('hunter2');
    expect(lines.join('')).toContain('postgresql://wattproof:[redacted]@db:5432/log');
  });

  it('leaves out what is below its level', () => {
    const { lines, logger } = written('warn');
    logger.info('quiet');
    logger.warn('loud');
    expect(lines).toHaveLength(1);
  });
});
