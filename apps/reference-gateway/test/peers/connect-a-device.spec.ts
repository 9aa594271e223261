import localLedger from '@wattproof/core/local-ledger';
import { freePort, startTestGateway, type TestGateway } from '@wattproof/core/testing';
import mqtt from '@wattproof/transport-mqtt';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pythonWithPaho, runProgram } from './run-program.js';

const PAGE = readFileSync(
  resolve(import.meta.dirname, '../../../../docs/connect-a-device.md'),
  'utf8',
);

/** The code of the page in one language, block after block. */
function code(language: string): string {
  const blocks = [...PAGE.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))];
  return blocks.map(([, block = '']) => block).join('\n');
}

/** The page with what is different here; each of it has to stand there. */
function adapted(text: string, changes: Readonly<Record<string, string>>): string {
  return Object.entries(changes).reduce((page, [from, to]) => {
    expect(page).toContain(from);
    return page.replaceAll(from, to);
  }, text);
}

describe('docs/connect-a-device.md, line by line,', () => {
  let gateway: TestGateway;
  let port: string;
  const folder = mkdtempSync(join(tmpdir(), 'wattproof-device-'));
  beforeAll(async () => {
    const free = await freePort();
    port = String(free);
    gateway = await startTestGateway({
      clock: { nowMs: () => Date.now() },
      plugins: {
        '@wattproof/core/local-ledger': localLedger,
        '@wattproof/transport-mqtt': mqtt,
      },
      config: {
        devices: { registration: 'open' },
        transports: { mqtt: { use: '@wattproof/transport-mqtt', listen: { port: free } } },
      },
    });
  });
  afterAll(async () => {
    await gateway.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('registers a meter, sends a signed reading, hears its receipt, and answers a command', async () => {
    const script = adapted(code('sh'), {
      'http://127.0.0.1:3000': gateway.url,
      '-p 1883': `-p ${port}`,
      'ADMIN=…': `ADMIN=${gateway.adminKey}`,
    });
    const ran = await runProgram('sh', ['-euc', `cd ${folder}\n${script}\nprintf %s $KEY > key`]);
    expect(ran.output).toContain('"verdict":"accepted"');
    expect(ran.output).toMatch(/"state":"answered".*"assurance":"device-signature"/);
    expect(ran.code).toBe(0);
  });

  it('does the same with Python and paho; the reading sent again is a duplicate', async () => {
    writeFileSync(join(folder, 'device.py'), adapted(code('python'), { '1883': port }));
    const key = readFileSync(join(folder, 'key'), 'utf8');
    const args = [join(folder, 'device.py'), 'meter-1', key, join(folder, 'reading.json')];
    const ran = await runProgram(await pythonWithPaho(), args);
    expect(ran).toMatchObject({ code: 0, output: expect.stringContaining('"duplicate":true') });
  });
});
