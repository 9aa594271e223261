import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { check } from '../../src/cli/check.js';
import { commandContext } from '../../src/cli/command.js';
import { ConfigFolder } from './config-folder.js';

const ROOT = new URL('../../../../', import.meta.url);
const SECRETS = {
  WATTPROOF_ADMIN_KEY: 'b3c1f9d2a47e58600718293a4b5c6d7e',
  DB_PASSWORD: 'hunter2',
  BITCOIN_RPC_USER: 'wattproof',
  BITCOIN_RPC_PASSWORD: 'correct-horse-battery',
};
/** The files that the documents name. */
const FILES = {
  'anchor.wif': 'cVpF924EspNh8KjYsfhgY96mmxvT6DgdWiTYMtMjuM74hJaU5psW',
  'anchor.key': '01'.repeat(32),
  'operator.key': '02'.repeat(32),
};
const PLACEHOLDER = '0x…';

/** Blocks of YAML that stand alone, in a file or below one of its first lines. */
function blocks(document: string): readonly string[] {
  const text = readFileSync(new URL(document, ROOT), 'utf8');
  return [...text.matchAll(/```yaml\n([\s\S]*?)```/g)]
    .map(([, block = '']) => block.replaceAll(PLACEHOLDER, `0x${'ab'.repeat(20)}`))
    .filter((block) => /^(origin|anchors):/.test(block));
}

async function checked(block: string) {
  const folder = new ConfigFolder();
  for (const [name, text] of Object.entries(FILES)) folder.write(`etc/${name}`, text);
  const origin = block.startsWith('origin:') ? '' : 'origin: example.org/energy-log\n';
  folder.write('etc/gateway.yaml', `${origin}${block}`);
  const out: string[] = [];
  const context = commandContext({
    env: SECRETS,
    workingDirectory: fileURLToPath(ROOT),
    out: (line) => void out.push(line),
    err: (line) => void out.push(line),
  });
  const code = await check([folder.file], context);
  folder.remove();
  return { code, out: out.join('\n') };
}

describe('the configurations in the documents', () => {
  it.each([
    ['README.md', 1],
    ['docs/operate.md', 1],
    ['docs/messages.md', 1],
    ['packages/anchor-bitcoin/README.md', 2],
    ['packages/anchor-evm/README.md', 2],
  ])('of %s are sound, all %i at least', async (document, atLeast) => {
    const found = blocks(document);
    expect(found.length).toBeGreaterThanOrEqual(atLeast);
    for (const block of found) {
      const { code, out } = await checked(block);
      expect({ block, code, out }).toEqual({
        block,
        code: 0,
        out: expect.stringContaining('is sound.'),
      });
    }
  });

  it('anchor on Bitcoin and on an EVM chain in six lines each', () => {
    const [anchors = ''] = blocks('docs/operate.md');
    const lines = anchors
      .split(/^ {2}(?=\w)/m)
      .slice(1)
      .map((block) => block.trim().split('\n'));
    expect(lines.map(([id]) => id?.replace(/:.*/, ''))).toEqual([
      'bitcoin',
      'ethereum',
      'calendars',
    ]);
    for (const block of lines) expect(block.length).toBeLessThanOrEqual(6);
  });
});
