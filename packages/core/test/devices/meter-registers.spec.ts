import { describe, expect, it } from '@jest/globals';
import {
  type AskedRegister,
  changedRegisters,
  checkedRegisters,
  creditsOf,
} from '../../src/devices/meter-registers.js';
import { ENERGY_CLASSES } from '../../src/energy-ledger/energy-class.js';

const generation = (name: string, credits?: readonly string[]): AskedRegister => ({
  name,
  direction: 'generation',
  ...(credits === undefined ? {} : { credits }),
});
const storage = (name: string, credits?: readonly string[]): AskedRegister => ({
  ...generation(name, credits),
  direction: 'storage',
});
const consumption = (name: string): AskedRegister => ({ name, direction: 'consumption' });

describe('Registers of one meter', () => {
  it.each<[string, AskedRegister[]]>([
    ['net beside gross that credits nothing', [generation('export'), generation('gross', [])]],
    [
      'one for energy and one for its origin',
      [generation('export', ['energy']), generation('gross', ['attribute'])],
    ],
    ['storage beside generation', [generation('solar'), storage('battery')]],
    ['any number that consume', [consumption('a'), consumption('b'), generation('c')]],
  ])('go together: %s', (_what, registers) => {
    expect(checkedRegisters(registers)).toEqual(registers);
  });

  it.each<[string, AskedRegister[], string]>([
    ['none', [], 'registration_invalid'],
    ['one name twice', [generation('a'), consumption('a')], 'register_duplicate'],
    ['another direction', [{ name: 'a', direction: 'up' }], 'register_direction_unknown'],
    ['an inherited word', [{ name: 'a', direction: 'toString' }], 'register_direction_unknown'],
    ['another class', [generation('a', ['money'])], 'register_credits_invalid'],
    ['a class twice', [generation('a', ['energy', 'energy'])], 'register_credits_invalid'],
    ['origin of storage', [storage('a', ['attribute'])], 'register_credits_invalid'],
    [
      'energy of consumption',
      [{ ...consumption('a'), credits: ['energy'] }],
      'register_credits_invalid',
    ],
    ['gross and net', [generation('gross'), generation('net')], 'register_credits_twice'],
    [
      'energy twice',
      [generation('gross'), generation('net', ['energy'])],
      'register_credits_twice',
    ],
    ['two batteries', [storage('a'), storage('b')], 'register_credits_twice'],
  ])('do not go together: %s', (_what, registers, code) => {
    expect(() => checkedRegisters(registers)).toThrow(
      expect.objectContaining({ name: 'MeterError', code }),
    );
  });

  it('credit a class of one flow once, however they are chosen', () => {
    const choices = [undefined, [], ['energy'], ['attribute'], ['energy', 'attribute']];
    let together = 0;
    for (const direction of ['generation', 'storage', 'consumption'])
      for (const a of choices)
        for (const b of choices) {
          const asked = [
            { name: 'a', direction, ...(a && { credits: a }) },
            { name: 'b', direction, ...(b && { credits: b }) },
          ];
          let registers;
          try {
            registers = checkedRegisters(asked);
          } catch {
            continue;
          }
          together += 1;
          for (const one of ENERGY_CLASSES) {
            const crediting = ['a', 'b'].filter((name) =>
              creditsOf({ registers: registers! }, name).includes(one),
            );
            expect(crediting.length).toBeLessThan(2);
          }
        }
    expect(together).toBe(11 + 5 + 4);
  });

  it('that mean something else afterwards are told, and those that meant nothing are not', () => {
    const solar = [{ name: 'generation', direction: 'generation' }] as const;
    expect(changedRegisters(undefined, solar)).toEqual(['import', 'consumption']);
    expect(
      changedRegisters(undefined, [...solar, { name: 'export', direction: 'storage' }]),
    ).toEqual(['import', 'consumption']);
    expect(changedRegisters(solar, [{ ...solar[0], credits: [] }])).toEqual(['generation']);
    expect(changedRegisters(solar, [{ ...solar[0], credits: ['energy', 'attribute'] }])).toEqual(
      [],
    );
    expect(changedRegisters(solar, [{ name: 'x', direction: 'storage' }])).toEqual(['generation']);
  });
});
