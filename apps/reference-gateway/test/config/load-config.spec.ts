import { chmodSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { check } from '../../src/cli/check.js';
import { commandContext } from '../../src/cli/command.js';
import { loadConfig } from '../../src/config/load-config.js';
import { ConfigFolder, MINIMAL } from './config-folder.js';

let folder: ConfigFolder;
beforeEach(() => {
  folder = new ConfigFolder();
});
afterEach(() => folder.remove());

function load(yaml: string) {
  folder.write('etc/gateway.yaml', yaml);
  return loadConfig({ file: 'etc/gateway.yaml', env: {}, workingDirectory: folder.path });
}

it("finds core's local ledger and the gateway's own plugins wherever the file lies", async () => {
  const { plugins, file } = await load(
    `${MINIMAL}anchors: { local: { use: "@wattproof/core/local-ledger" } }`,
  );
  expect(file).toBe(folder.file);
  expect(plugins.map(({ plugin, entry }) => [entry.instanceId, plugin.kind])).toEqual([
    ['local', 'anchor'],
  ]);
});

it('refuses an unknown key in the block of a plugin', async () => {
  await expect(
    load(`${MINIMAL}anchors: { local: { use: "@wattproof/core/local-ledger", colour: red } }`),
  ).rejects.toMatchObject({
    errors: [{ code: 'PLUGIN_CONFIG_INVALID', message: expect.stringContaining('colour') }],
  });
});

it('warns of secrets in files that others can read', async () => {
  folder.write('etc/open', '0123456789012345678901').write('etc/closed', 'x'.repeat(52));
  chmodSync(join(folder.path, 'etc/open'), 0o644);
  chmodSync(join(folder.path, 'etc/closed'), 0o600);
  const { warnings } = await load(
    `${MINIMAL}accounts: { adminApiKey: "\${file:./open}" }
anchors: { bitcoin: { use: "@wattproof/anchor-bitcoin", network: regtest, rpc: { url: "http://127.0.0.1:1" }, wif: "\${file:./closed}" } }`,
  );
  expect(warnings.filter((warning) => warning.includes('read by others'))).toEqual([
    expect.stringMatching(/^accounts\.adminApiKey: .*open .*mode 644/),
  ]);
  chmodSync(join(folder.path, 'etc/closed'), 0o640);
  const { exposed } = await load(await readFile(folder.file, 'utf8'));
  expect(exposed.join()).toContain('anchors.bitcoin.wif: ');
});

it('warns of production without a witness outside the gateway', async () => {
  const { warnings } = await load(`${MINIMAL}profile: production`);
  expect(warnings.join('\n')).toContain('rest on its own signature alone');
});

it('refuses checks on routes that do not exist and checks that no plugin offers, as gateway check does', async () => {
  const yaml = `${MINIMAL}http: { guards: { createLog: [toll.payment], logs: [toll.payment] } }`;
  await expect(load(yaml)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    problems: [
      { path: 'http.guards.createLog', message: expect.stringContaining('no plugin offers one') },
      { path: 'http.guards.logs', message: expect.stringContaining('no route') },
      { path: 'http.guards.logs' },
    ],
  });
  const told: string[] = [];
  const tell = (line: string): void => void told.push(line);
  const context = commandContext({
    env: {},
    workingDirectory: folder.path,
    out: tell,
    err: tell,
  });
  expect(await check(['etc/gateway.yaml'], context)).toBe(1);
  expect(told.join('\n')).toMatch(/3 problems[^]*http\.guards\.logs: no route is called "logs"/);
});
