import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CONFIGURATIONS = ['.dependency-cruiser.mjs', '.oxlintrc.json'];

/** Small packages under names that the rules speak of. */
const INSTALLED = [
  '@nestjs/common',
  '@mikro-orm/core',
  'pg',
  '@noble/hashes',
  '@standard-schema/spec',
];

/** A sound workspace in miniature, under the very rules of this one, into which violations are planted. */
export class PlantedTree {
  readonly path = mkdtempSync(join(tmpdir(), 'wattproof-lint-'));

  constructor() {
    for (const file of CONFIGURATIONS) copyFileSync(join(ROOT, file), join(this.path, file));
    for (const name of INSTALLED) {
      this.write(`node_modules/${name}/package.json`, JSON.stringify({ name, exports: './i.js' }));
      this.write(`node_modules/${name}/i.js`, 'export const x = 1;');
    }
    const door = (path: string) => ({ '@wattproof/source': `./src/${path}.ts` });
    const doors = ['spi', 'verify', 'testing', 'plugins'].map((name) => [
      `./${name}`,
      door(`${name}/index`),
    ]);
    const exports = { '.': door('index'), ...Object.fromEntries(doors) };
    this.package('core', { exports });
    this.package('anchor-one', { exports: { '.': door('index') } });
    this.package('anchor-two', { exports: { '.': door('index') } });
    for (const [file, text] of Object.entries(SOUND)) this.write(file, text);
  }

  write(file: string, text: string): void {
    mkdirSync(dirname(join(this.path, file)), { recursive: true });
    writeFileSync(join(this.path, file), `${text}\n`);
  }

  /** `rule file` of everything dependency-cruiser finds. */
  async cruise(): Promise<readonly string[]> {
    const bin = join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');
    const args = [bin, 'packages', 'apps', 'templates', '--output-type', 'json'];
    const { summary } = JSON.parse(await this.run(process.execPath, args)) as {
      summary: { violations: { rule: { name: string }; from: string }[] };
    };
    return summary.violations.map(({ rule, from }) => `${rule.name} ${from}`);
  }

  /** `rule file` of everything oxlint finds. */
  async lint(): Promise<readonly string[]> {
    const bin = join(ROOT, 'node_modules/oxlint/bin/oxlint');
    const { diagnostics } = JSON.parse(
      await this.run(process.execPath, [bin, '--format', 'json']),
    ) as { diagnostics: { code: string; filename: string }[] };
    return diagnostics.map(({ code, filename }) => `${code} ${filename}`);
  }

  remove(): void {
    rmSync(this.path, { recursive: true });
  }

  private package(name: string, manifest: object): void {
    const full = `@wattproof/${name}`;
    this.write(`packages/${name}/package.json`, JSON.stringify({ name: full, ...manifest }));
    mkdirSync(join(this.path, 'node_modules/@wattproof'), { recursive: true });
    symlinkSync(join(this.path, 'packages', name), join(this.path, 'node_modules', full));
  }

  /** Standard output whatever the exit code: a linter that finds something exits with 1. */
  private run(command: string, args: readonly string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      execFile(command, args, { cwd: this.path, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
        if (stdout.trimStart().startsWith('{')) resolve(stdout);
        else reject(new Error(`${args[0]} printed no JSON: ${stderr}${stdout}`, { cause: error }));
      });
    });
  }
}

const SOUND: Readonly<Record<string, string>> = {
  'packages/core/src/index.ts': `export { module } from './nest/module.js';`,
  'packages/core/src/verify/index.ts': `import { x } from '@noble/hashes';\nexport const hash = x;\nexport type Bytes = Uint8Array;`,
  'packages/core/src/spi/index.ts': `import type { x } from '@standard-schema/spec';\nimport type { Bytes } from '../verify/index.js';\nexport type Schema = typeof x;\nexport const define = (bytes: Bytes): Bytes => bytes;`,
  'packages/core/src/logs/log.service.ts': `import { define } from '../spi/index.js';\nexport const log = define;`,
  'packages/core/src/plugins/index.ts': `import { log } from '../logs/log.service.js';\nexport const load = log;`,
  'packages/core/src/stores/store.ts': `import type { log } from '../logs/log.service.js';\nexport type Store = typeof log;`,
  'packages/core/src/stores/sql/store.ts': `import { x } from 'pg';\nimport { x as y } from '@mikro-orm/core';\nexport const sql = [x, y];`,
  'packages/core/src/nest/module.ts': `import { x } from '@nestjs/common';\nimport { load } from '../plugins/index.js';\nexport const module = [x, load];`,
  'packages/core/src/testing/index.ts': `import { log } from '../logs/log.service.js';\nexport const kit = log;`,
  'packages/anchor-one/src/index.ts': `import { define } from '@wattproof/core/spi';\nimport { check } from './verify/index.js';\nexport default [define, check];`,
  'packages/anchor-one/src/verify/index.ts': `import { hash } from '@wattproof/core/verify';\nexport const check = hash;`,
  'packages/anchor-one/test/one.spec.ts': `import { kit } from '@wattproof/core/testing';\nimport one from '../src/index.js';\nexport const suite = [kit, one];`,
  'packages/anchor-two/src/index.ts': `import { define } from '@wattproof/core/spi';\nexport default define;`,
  'templates/anchor/src/index.ts': `import { define } from '@wattproof/core/spi';\nexport default define;`,
  'apps/gateway/src/main.ts': `import { module } from '@wattproof/core';\nimport one from '@wattproof/anchor-one';\nexport const app = [module, one];`,
};
