import { gatewayConfigSchema } from '@wattproof/core/plugins';
import type { Plugin } from '@wattproof/core/spi';
import mqtt from '@wattproof/transport-mqtt';
import ws from '@wattproof/transport-ws';
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
  'mqtt-password': 'tr0ub4dor',
  'ca.pem': 'a certificate',
  'gateway.pem': 'a certificate',
  'gateway-key.pem': 'a key',
  'cert.pem': 'a certificate',
  'key.pem': 'a key',
  'devices-ca.pem': 'a certificate',
};
const MQTT = `transports:
  mqtt:
    use: "@wattproof/transport-mqtt"
    url: mqtt://127.0.0.1
`;
const PLACEHOLDER = '0x…';

/** Blocks of YAML that stand alone, in a file or below one of its first lines, and topic maps, which stand in an MQTT transport. */
function blocks(document: string): readonly string[] {
  const text = readFileSync(new URL(document, ROOT), 'utf8');
  return [...text.matchAll(/```yaml\n([\s\S]*?)```/g)]
    .map(([, block = '']) => block.replaceAll(PLACEHOLDER, `0x${'ab'.repeat(20)}`))
    .map((block) => (block.startsWith('    maps:') ? MQTT + block : block))
    .filter((block) => /^(origin|anchors|transports|claims):/.test(block));
}

async function defaultsOf(plugin: Pick<Plugin, 'config'>, block: object): Promise<unknown> {
  const result = await plugin.config['~standard'].validate(block);
  if (result.issues) throw new Error(JSON.stringify(result.issues));
  return result.value;
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
    ['docs/import.md', 1],
    ['docs/energy-ledger.md', 1],
    ['packages/transport-mqtt/README.md', 3],
    ['packages/transport-ws/README.md', 1],
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

  it('are as good as the table of limits says: every default in it is the one that holds', async () => {
    const page = readFileSync(new URL('docs/operate.md', ROOT), 'utf8');
    const [, table = ''] = /Nothing waits without a bound([^]*?)\n## /.exec(page) ?? [];
    const rows = [...table.matchAll(/^\| `([^`]+)` \| ([\d,]+) \|/gm)];
    const blocksOf: Readonly<Record<string, unknown>> = {
      '': gatewayConfigSchema.parse({
        origin: 'example.org/energy-log',
        microservices: { rabbitmq: { urls: ['amqp://127.0.0.1'] } },
      }),
      'mqtt: listen': await defaultsOf(mqtt, { listen: {} }),
      'mqtt: client': await defaultsOf(mqtt, { url: 'mqtt://127.0.0.1', client: {} }),
      ws: await defaultsOf(ws, {}),
    };
    const told = rows.map(([, name = '', number = '']) => [
      name,
      Number(number.replaceAll(',', '')),
    ]);
    const held = rows.map(([, name = '']) => {
      const [, block = '', path = ''] = /^(?:(\w+): )?(.*)$/.exec(name) ?? [];
      const key = block === 'mqtt' ? `mqtt: ${path.split('.')[0]}` : block;
      return [name, path.split('.').reduce((at: any, member) => at?.[member], blocksOf[key])];
    });
    expect(told.length).toBeGreaterThan(30);
    expect(told).toEqual(held);
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
