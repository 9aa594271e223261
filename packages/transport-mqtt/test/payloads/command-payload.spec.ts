import { commandPayload } from '../../src/payloads/command-payload.js';

const command = {
  id: 'cmd_1',
  nonce: 'ab'.repeat(16),
  device: 'm1',
  name: 'lock',
  body: { order_id: 'o"1', kwh_requested: '2.5' },
  deadlineMs: 1_768_471_200_000,
};

describe('the payload of a command', () => {
  it('is JSON with the deadline as a time', () => {
    expect(JSON.parse(commandPayload(command, 'command'))).toEqual({
      id: 'cmd_1',
      nonce: 'ab'.repeat(16),
      device: 'm1',
      name: 'lock',
      deadline: '2026-01-15T10:00:00.000Z',
      body: command.body,
    });
  });

  it('escapes an order that would otherwise say more than its name', () => {
    const lock = commandPayload(command, 'los-tecnicos-lock');
    expect(lock).toBe('{"order_id": "o\\"1", "kwh_requested": 2.500000}');
    expect(commandPayload(command, 'los-tecnicos-unlock')).toBe('{"order_id": "o\\"1"}');
  });

  // Values of C's printf("%f"), ties to even on the double's own value.
  it.each([
    [0, '0.000000'],
    [0.0000005, '0.000000'],
    [0.00000025, '0.000000'],
    [1e-320, '0.000000'],
    [0.5 + 2 ** -21, '0.500000'],
    [1e22, '10000000000000000000000.000000'],
    [0.1234565, '0.123456'],
    [2 ** -7, '0.007812'],
    [3 * 2 ** -7, '0.023438'],
    [2.0000005, '2.000001'],
    [2 ** 53, '9007199254740992.000000'],
  ])('writes %p kWh as %p', (kwh, text) => {
    const body = { order_id: 'o', kwh_requested: kwh };
    expect(commandPayload({ ...command, body }, 'los-tecnicos-lock')).toBe(
      `{"order_id": "o", "kwh_requested": ${text}}`,
    );
  });

  it.each([-1, 'much', null, Number.NaN])('refuses a lock of %p kWh', (kwh) => {
    const body = { order_id: 'o', kwh_requested: kwh };
    expect(() => commandPayload({ ...command, body }, 'los-tecnicos-lock')).toThrow(
      expect.objectContaining({ code: 'energy_missing' }),
    );
  });
});
