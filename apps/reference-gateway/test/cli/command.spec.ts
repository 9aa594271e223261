import { describe, expect, it } from '@jest/globals';
import { misuse } from '../../src/cli/command.js';

describe('The arguments of an operator command', () => {
  it.each([
    ['check', ['g.yaml', '--print']],
    ['check', []],
    ['recover', ['--adopt-new-origin', 'NAME', 'g.yaml']],
    ['recover', ['g.yaml', '--adopt-new-origin=NAME']],
    ['recover', ['g.yaml', '--adopt-database']],
    ['anchors', ['bump', 'bitcoin', '--file', 'g.yaml']],
  ])('are used as they are: %s %j', (name, args) => {
    expect(misuse(name, args)).toBeUndefined();
  });

  it.each([
    ['check', ['--prnt'], 'no option --prnt'],
    ['recover', ['--adopt-databse'], 'no option --adopt-databse'],
    ['recover', ['--adopt-database=yes'], 'takes no value'],
    ['anchors', ['list', '--all'], 'no option --all'],
    ['start', ['a.yaml', 'b.yaml'], 'reads one FILE'],
  ])('are refused when a command would not heed them: %s %j', (name, args, why) => {
    expect(misuse(name, args)).toContain(why);
  });
});
