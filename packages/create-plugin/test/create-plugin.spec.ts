import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCreatePlugin } from '../src/create-plugin.js';
import { writePackage } from '../src/write-package.js';

const templates = fileURLToPath(new URL('../../../templates', import.meta.url));

describe('create-plugin', () => {
  let folder: string;
  let said: string[];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'wattproof-create-'));
    said = [];
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const run = (...args: string[]): number => {
    const say = (line: string): void => void said.push(line);
    return runCreatePlugin(args, { folder, templates, coreVersion: '1.2.3', out: say, err: say });
  };
  const read = (path: string): string => readFileSync(join(folder, path), 'utf8');
  const files = (at: string): string[] =>
    readdirSync(join(folder, at), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));

  it('writes a package under its own name for the core of the same release', () => {
    expect(run('anchor', '@example/anchor-my-chain')).toBe(0);
    const manifest = JSON.parse(read('anchor-my-chain/package.json')) as Record<string, object>;
    expect(manifest).toMatchObject({
      name: '@example/anchor-my-chain',
      peerDependencies: { '@wattproof/core': '^1.2.3' },
      devDependencies: { '@wattproof/core': '^1.2.3' },
    });
    expect(manifest).not.toHaveProperty('private');
    expect(read('anchor-my-chain/src/index.ts')).toMatch(/name: 'my-chain',\n.*MyChainConfig/);
    expect(read('anchor-my-chain/src/verify/my-chain.verifier.ts')).toContain(
      `MY_CHAIN_EVIDENCE = 'my-chain-memo/1'`,
    );
    expect(read('anchor-my-chain/.gitignore')).toContain('dist/');
    expect(said[0]).toMatch(/^@example\/anchor-my-chain: \d+ files in anchor-my-chain$/);
  });

  it.each(['anchor', 'transport', 'pricing'])('leaves no word of the template in %s', (kind) => {
    expect(run(kind, `wattproof-${kind}-zeta`, '--dir', 'out')).toBe(0);
    const written = files('out');
    expect(written.length).toBeGreaterThan(8);
    for (const path of written)
      expect(`${path}\n${readFileSync(path, 'utf8')}`).not.toMatch(/tally|template|workspace:/i);
  });

  it('writes into no folder that holds anything, and over no file', () => {
    expect(run('anchor', 'anchor-one')).toBe(0);
    const before = read('anchor-one/src/index.ts');
    expect(run('anchor', 'anchor-two', '--dir', 'anchor-one')).toBe(1);
    expect(said.at(-1)).toMatch(/anchor-one is not empty. Name another folder with --dir/);
    expect(read('anchor-one/src/index.ts')).toBe(before);
    writeFileSync(join(folder, 'file'), '');
    expect(run('anchor', 'anchor-two', '--dir=file')).toBe(1);
    expect(said.at(-1)).toMatch(/file cannot be written: ENOTDIR/);
    expect(existsSync(join(folder, 'anchor-two'))).toBe(false);
    symlinkSync('nowhere', join(folder, 'link'));
    expect(run('anchor', 'anchor-two', '--dir=link')).toBe(1);
    expect(run('anchor', 'anchor-two', '--dir=a\0b')).toBe(1);
    expect(readdirSync(folder).sort()).toEqual(['anchor-one', 'file', 'link']);
  });

  it('leaves nothing of a package that it cannot write to the end', () => {
    // A folder in the place of a file, as a disk that is full or a file system that is read-only would end it.
    const files = new Map([
      ['src/index.ts', ''],
      ['src', ''],
    ]);
    for (const [at, left] of [
      ['new/inner', []],
      ['empty', ['empty']],
    ] as const) {
      if (at === 'empty') mkdirSync(join(folder, at));
      const write = () => writePackage(join(folder, at), files);
      expect(write).toThrow(expect.objectContaining({ code: 'not_writable' }));
      expect(readdirSync(folder, { recursive: true })).toEqual(left);
    }
    expect(run('anchor', 'anchor-one', '--dir', '/proc/anchor-one')).toBe(1);
    expect(said.at(-1)).toMatch(/^\/proc\/anchor-one cannot be written: ENOENT.*Nothing was left/);
  });

  it.each([
    '../anchor-x',
    '..',
    '.',
    '/tmp/x',
    '@a/../b',
    '@a/b/c',
    'a/b',
    'a\\b',
    'Anchor',
    '.x',
    '-x',
    'a b',
    'a\nb',
    '',
    'node_modules',
    '@a/node_modules',
    'fs',
    'a'.repeat(215),
    '@/x',
    'é',
    '%2e%2e',
    'anchor-1',
  ])('refuses %j as a name', (name) => {
    expect(run('anchor', name)).toBe(2);
    expect(readdirSync(folder)).toEqual([]);
    expect(said.join()).toMatch(/usage: npm create/);
  });

  it.each([
    [[], /KIND is anchor \| transport \| pricing, got ""/],
    [['ancho', 'x'], /got "ancho"/],
    [['__proto__', 'x'], /got "__proto__"/],
    [['anchor'], /NAME is missing/],
    [['anchor', 'x', 'y'], /got also y/],
    [['anchor', 'x', '--dir'], /--dir needs a folder/],
    [['anchor', 'x', '--force'], /unknown option --force/],
  ])('tells what is wrong with %j', (args, words) => {
    expect(run(...args)).toBe(2);
    expect(said.join()).toMatch(words);
    expect(readdirSync(folder)).toEqual([]);
  });
});
