import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runRecompute } from '../../src/cli/recompute.js';
import { BUILT_IN_DETECTORS } from '../../src/detectors/built-in-detectors.js';
import { findingOf, flaggedRules } from '../../src/detectors/finding-document.js';
import { openDetector } from '../../src/detectors/open-detectors.js';
import { FindingUnreadable, recompute } from '../../src/detectors/recompute.js';
import type { DetectorFinding } from '../../src/spi/index.js';
import { hourly } from './inputs.js';

const READING = { entryId: `log_${'1'.repeat(32)}`, logHash: new Uint8Array(32).fill(7) };
const decoder = new TextDecoder();

async function stored(id: string, inputs: Parameters<typeof hourly>[0]) {
  const active = await openDetector(id, BUILT_IN_DETECTORS[id]!, {});
  const finding = active.detector.inspect(hourly(inputs)) as DetectorFinding;
  return findingOf(active, READING, 'generation', finding);
}

const outlier = { hours: 96, wattHours: (hour: number) => 100 + (hour % 5), reading: 999_999_999 };
const night = {
  hours: 0,
  wattHours: () => 0,
  reading: 500,
  fromMs: Date.parse('2026-01-15T00:00:00Z'),
  meter: { location: { latitude: 47.7, longitude: 9.2 } },
};

describe('A stored finding', () => {
  it('is the same when it is computed again, by whoever has the code', async () => {
    for (const finding of [await stored('two-sigma', outlier), await stored('night-solar', night)])
      expect(await recompute(decoder.decode(finding.document))).toEqual({
        same: true,
        hash: finding.hash,
        differences: [],
      });
  });

  it.each([
    ['an input', (d: any) => (d.inputs.energy_uwh = '1000')],
    ['the place', (d: any) => (d.inputs.longitude = -150)],
    ['the time', (d: any) => (d.inputs.starts_ms -= 43_200_000)],
    ['a setting', (d: any) => (d.detector.config.maxWh = 1000)],
    ['the code', (d: any) => (d.finding.code = 'stuck_value')],
    ['the action', (d: any) => (d.finding.action = 'flag')],
    ['the sentence', (d: any) => (d.finding.detail += '!')],
  ])('is different when %s was changed', async (_what, change) => {
    const { document, hash } = await stored('night-solar', night);
    const changed = JSON.parse(decoder.decode(document));
    change(changed);
    const again = await recompute(JSON.stringify(changed));
    expect(again.same).toBe(false);
    expect(again.differences).toHaveLength(1);
    expect(again.hash).not.toBe(hash);
  });

  it('may still follow from inputs that differ a little, but never has their hash', async () => {
    const { document, hash } = await stored('two-sigma', outlier);
    const changed = JSON.parse(decoder.decode(document));
    changed.inputs.sum += 1;
    const again = await recompute(JSON.stringify(changed));
    expect(again.hash).not.toBe(hash);
    expect(flaggedRules('rules', [{ ...READING, hash } as never])).not.toBe(
      flaggedRules('rules', [{ ...READING, hash: again.hash } as never]),
    );
  });

  it('of another version, another detector or none at all is not guessed at', async () => {
    const { document } = await stored('two-sigma', outlier);
    const changed = (change: (d: any) => void): string => {
      const copy = JSON.parse(decoder.decode(document));
      change(copy);
      return JSON.stringify(copy);
    };
    for (const text of [
      changed((d) => (d.detector.version = 2)),
      changed((d) => (d.detector.name = 'astrology')),
      changed((d) => (d.detector.config.sigmas = -1)),
      changed((d) => (d.v = 'wattproof.finding/2')),
      changed((d) => delete d.inputs),
      '{"a":1,"a":1}',
      '[]',
      'null',
      '',
    ])
      await expect(recompute(text)).rejects.toThrow(FindingUnreadable);
  });
});

describe('wattproof recompute', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'wattproof-recompute-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('says same or different of each document of an answer, with its hash', async () => {
    const { document, hash } = await stored('night-solar', night);
    const good = JSON.parse(decoder.decode(document));
    const bad = { ...good, inputs: { ...good.inputs, energy_uwh: '1' } };
    const file = (name: string, value: unknown): Promise<void> =>
      writeFile(join(folder, name), JSON.stringify(value));
    await file('one', good);
    await file('answer', { id: 'x', findings: [{ document: good }, { document: bad }] });
    await file('empty', { findings: [] });
    await file('other', { hello: 1 });
    const run = async (...names: string[]) => {
      const lines: string[] = [];
      const say = (line: string): void => void lines.push(line);
      const code = await runRecompute(
        names.map((name) => join(folder, name)),
        say,
        say,
      );
      return { code, lines };
    };
    expect(await run('one')).toEqual({ code: 0, lines: [`same ${hash} ${join(folder, 'one')}`] });
    const both = await run('answer');
    expect(both.code).toBe(1);
    expect(both.lines[1]).toMatch(/^different [0-9a-f]{64}/);
    for (const name of ['empty', 'other', 'absent']) expect((await run(name)).code).toBe(2);
    expect((await run()).code).toBe(2);
    expect(
      await runRecompute(
        ['--all'],
        () => {},
        () => {},
      ),
    ).toBe(2);
  });
});
