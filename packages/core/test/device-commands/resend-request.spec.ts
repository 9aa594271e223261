import { describe, expect, it } from '@jest/globals';
import { ResendRequest } from '../../src/device-commands/resend.js';

describe('What is asked to be sent again', () => {
  it.each([
    [{}, true],
    [{ first: '0', last: '9223372036854775807' }, true],
    [{ first: '5', last: '1000000005' }, true],
    [{ first: '2', last: '1' }, false],
    [{ first: '10', last: '9' }, false],
    [{ first: '1' }, false],
    [{ first: 'abc', last: '1' }, false],
    [{ first: '1', last: '1e9' }, false],
    [{ first: '0', last: '9223372036854775808' }, false],
    [{ first: 1, last: 2 }, false],
    [{ from: 'x', to: 'y' }, false],
    [{ from: '2026-01-02T00:00:00Z', to: '2026-01-01T00:00:00Z' }, false],
  ])('is read, or refused: %j %s', (body, expected) => {
    expect(ResendRequest.safeParse(body).success).toBe(expected);
  });
});
