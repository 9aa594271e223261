import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { PlantedTree } from './planted-tree.js';
import configuration from '../../.dependency-cruiser.mjs';

/** Rule of dependency-cruiser → file → its planted import. */
const CRUISED: readonly (readonly [string, string, string])[] = [
  ['no-cycles', 'packages/core/src/logs/egg.ts', './hen.js'],
  ['verify-is-a-leaf', 'packages/core/src/verify/node.ts', 'node:crypto'],
  ['verify-is-a-leaf', 'packages/core/src/verify/up.ts', '../logs/log.service.js'],
  ['spi-is-a-leaf', 'packages/core/src/spi/up.ts', '../logs/log.service.js'],
  ['spi-is-a-leaf', 'packages/core/src/spi/node.ts', 'node:fs'],
  ['spi-takes-only-types-of-verify', 'packages/core/src/spi/value.ts', '../verify/index.js'],
  ['nest-only-in-nest', 'packages/core/src/logs/nest.ts', '@nestjs/common'],
  ['nest-only-in-nest', 'packages/core/src/plugins/nest.ts', '@nestjs/common'],
  ['features-know-no-framework', 'packages/core/src/devices/nest.ts', '../nest/module.js'],
  ['features-know-no-framework', 'packages/core/src/devices/store.ts', '../stores/sql/store.js'],
  ['features-know-no-framework', 'packages/core/src/devices/load.ts', '../plugins/index.js'],
  ['features-know-no-database', 'packages/core/src/batching/pg.ts', 'pg'],
  ['features-know-no-database', 'packages/core/src/nest/orm.ts', '@mikro-orm/core'],
  ['stores-know-no-nest', 'packages/core/src/stores/sql/nest.ts', '../../nest/module.js'],
  ['nobody-imports-nest-folder', 'packages/core/src/plugins/module.ts', '../nest/module.js'],
  ['product-code-imports-no-test-kit', 'packages/core/src/nest/kit.ts', '../testing/index.js'],
  ['product-code-imports-no-test-kit', 'packages/anchor-one/src/kit.ts', '@wattproof/core/testing'],
  ['product-code-imports-no-tests', 'packages/anchor-one/src/spec.ts', '../test/one.spec.js'],
  ['plugins-see-only-spi-and-verify', 'packages/anchor-one/src/core.ts', '@wattproof/core'],
  ['plugins-see-only-spi-and-verify', 'packages/anchor-one/src/load.ts', '@wattproof/core/plugins'],
  ['plugins-see-only-spi-and-verify', 'templates/anchor/src/core.ts', '@wattproof/core'],
  [
    'plugins-see-only-spi-and-verify',
    'packages/anchor-one/src/deep.ts',
    '../../core/src/logs/log.service.js',
  ],
  ['plugin-tests-use-the-kits', 'packages/anchor-one/test/load.spec.ts', '@wattproof/core/plugins'],
  ['plugins-know-no-framework', 'packages/anchor-one/src/nest.ts', '@nestjs/common'],
  ['plugins-never-see-plugins', 'packages/anchor-one/src/two.ts', '@wattproof/anchor-two'],
  ['verify-doors-are-browser-safe', 'packages/anchor-one/src/verify/node.ts', 'node:buffer'],
  ['nobody-imports-apps', 'packages/anchor-one/src/app.ts', '../../../apps/gateway/src/main.js'],
  ['folders-name-concepts', 'packages/core/src/logs/uses-folder.ts', './utils/bytes.js'],
  ['folders-name-concepts', 'packages/core/src/logs/uses-file.ts', './helpers.js'],
  ['every-import-resolves', 'packages/core/src/logs/typo.ts', './log.servise.js'],
];

/** Files in which oxlint has to find a restricted import or global. */
const LINTED: Readonly<Record<string, string>> = {
  'packages/core/src/verify/lint-node.ts': `import { x } from 'node:crypto';\nexport const y = x;`,
  'packages/core/src/spi/lint-node.ts': `import { x } from 'node:fs';\nexport const y = x;`,
  'packages/core/src/spi/lint-nest.ts': `import { x } from '@nestjs/common';\nexport const y = x;`,
  'packages/anchor-one/src/lint-core.ts': `import { x } from '@wattproof/core';\nexport const y = x;`,
  'packages/anchor-one/src/lint-kit.ts': `import { x } from '@wattproof/core/testing';\nexport const y = x;`,
  'packages/anchor-one/src/lint-nest.ts': `import { x } from '@nestjs/common';\nexport const y = x;`,
  'packages/anchor-one/src/lint-two.ts': `import { x } from '@wattproof/anchor-two';\nexport const y = x;`,
};

describe('the import rules', () => {
  let tree: PlantedTree;
  beforeEach(() => {
    tree = new PlantedTree();
  });
  afterEach(() => tree.remove());

  it('find nothing in a sound tree', async () => {
    expect(await tree.cruise()).toEqual([]);
    expect(await tree.lint()).toEqual([]);
  });

  it('find every planted import, by the rule that forbids it', async () => {
    tree.write('packages/core/src/logs/hen.ts', `import './egg.js';`);
    tree.write('packages/core/src/logs/utils/bytes.ts', 'export const x = 1;');
    tree.write('packages/core/src/logs/helpers.ts', 'export const x = 1;');
    for (const [, file, target] of CRUISED) tree.write(file, `import '${target}';`);
    const found = await tree.cruise();
    for (const [rule, file] of CRUISED) expect(found).toContain(`${rule} ${file}`);
  });

  it('each have a planted import', () => {
    const planted = new Set(CRUISED.map(([rule]) => rule));
    const rules = configuration.forbidden?.map(({ name }) => name) ?? [];
    expect(rules.filter((name) => name === undefined || !planted.has(name))).toEqual([]);
  });

  it('are repeated by oxlint in the editor, where a file shows them', async () => {
    for (const [file, text] of Object.entries(LINTED)) tree.write(file, text);
    tree.write('packages/core/src/verify/lint-global.ts', 'export const y = Buffer.alloc(1);');
    const found = await tree.lint();
    for (const file of Object.keys(LINTED)) {
      expect(found).toContain(`eslint(no-restricted-imports) ${file}`);
    }
    expect(found).toContain(
      'eslint(no-restricted-globals) packages/core/src/verify/lint-global.ts',
    );
  });
});
