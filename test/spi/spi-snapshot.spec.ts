import { describe, expect, it } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import {
  contractText,
  differences,
  digestOf,
  objection,
  SNAPSHOT,
  UPGRADING,
} from '../../scripts/spi-snapshot.mjs';

const contract = contractText();
/** The contract with one of its lines replaced. */
function changed(line: string, by: string, version = 0): string {
  expect(contract).toContain(line);
  return at(version, contract.replace(line, by));
}
const at = (version: number, text = contract): string =>
  text.replace(/SPI_VERSION = \d+/, `SPI_VERSION = ${version}`);
const whats = (after: string): readonly string[] =>
  differences(contract, after).map(({ adds, what }) => `${adds ? 'adds' : 'breaks'}: ${what}`);

const FUNDS = '    readonly balance?: bigint;\n';

describe('the plugin contract', () => {
  it('is its committed snapshot, and UPGRADING.md says what changed last', () => {
    const before = existsSync(SNAPSHOT) ? readFileSync(SNAPSHOT, 'utf8') : '';
    const wrong = objection({
      before,
      after: contract,
      upgrading: readFileSync(UPGRADING, 'utf8'),
    });
    if (wrong !== undefined) throw new Error(wrong);
  });

  it.each([
    ['', `${FUNDS}    readonly runway?: number;\n`, ['adds: AnchorQuote.runway is new']],
    ['', `${FUNDS}    estimate?(): bigint;\n`, ['adds: AnchorQuote.estimate is new']],
    [
      '',
      `${FUNDS}    readonly runway: number;\n`,
      ['breaks: AnchorQuote.runway is new and not optional'],
    ],
    ['', '', ['breaks: AnchorQuote.balance is gone']],
    ['', '    readonly balance?: number;\n', ['breaks: AnchorQuote.balance is another']],
    ['', '    readonly balance: bigint;\n', ['breaks: AnchorQuote.balance is another']],
    [
      'export declare interface AnchorQuote {',
      'export declare interface AnchorQuote extends Fee {',
      ['breaks: export declare interface AnchorQuote is another'],
    ],
    [
      'export declare interface AnchorQuote {',
      'declare interface AnchorQuote {',
      ['breaks: export declare interface AnchorQuote is another'],
    ],
    ["'broadcast' | 'seen'", "'seen'", ['breaks: AttemptState is another']],
    [
      'export declare interface Clock {',
      'export declare interface Timer {\n}\nexport declare interface Clock {',
      ['adds: Timer is new'],
    ],
  ])('tells an addition from a break (%#)', (line, by, expected) => {
    expect(whats(changed(line || FUNDS, by))).toEqual(expected);
  });

  it('may change while its number is 0 when UPGRADING.md names the digest of what it became', () => {
    const after = changed(FUNDS, '');
    const upgrading = `snapshot ${digestOf(after)}`;
    expect(objection({ before: contract, after, upgrading })).toMatch(
      /not its snapshot any more:\n {2}breaks: AnchorQuote.balance is gone\nSay so .*--renew/,
    );
    expect(objection({ before: after, after, upgrading })).toBeUndefined();
    expect(objection({ before: after, after, upgrading: '' })).toMatch(/has no entry for snapshot/);
  });

  it('breaks nobody from number 1 on, unless the number moves', () => {
    const broken = changed(FUNDS, '', 1);
    const grown = changed(FUNDS, `${FUNDS}    readonly runway?: number;\n`, 1);
    const judged = (after: string) =>
      objection({ before: at(1), after, upgrading: digestOf(after) });
    expect(judged(broken)).toMatch(/breaks plugins that conform to SPI_VERSION 1:.*Raise/s);
    expect(judged(grown)).toMatch(/not its snapshot/);
    expect(judged(at(2, broken))).toMatch(/not its snapshot/);
    expect(judged(at(1))).toBeUndefined();
  });
});
