import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type GatewayConfigInput, gatewayConfigSchema } from '@wattproof/core/plugins';
import { withDemoAdminKey } from '../src/demo/admin-key.js';

const configured = (more: Partial<GatewayConfigInput>) =>
  gatewayConfigSchema.parse({ origin: 'demo.example/log', profile: 'demo', ...more });

describe("the demo's administrator", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'wattproof-key-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const keyFile = (): string => join(folder, '.wattproof/demo-admin-key');

  it('gets a key of 24 random bytes that nobody else can read, and keeps it', async () => {
    const first = await withDemoAdminKey(configured({}), folder);
    expect(first.keyFile).toBe(keyFile());
    expect((await stat(keyFile())).mode & 0o777).toBe(0o600);
    const { adminApiKey } = first.config.accounts;
    expect(adminApiKey).toMatch(/^[A-Za-z0-9_-]{32}$/);
    expect((await readFile(keyFile(), 'utf8')).trim()).toBe(adminApiKey);
    const again = await withDemoAdminKey(configured({}), folder);
    expect(again.config.accounts.adminApiKey).toBe(adminApiKey);
  });

  it('has the key that the configuration gives', async () => {
    const adminApiKey = 'a-key-of-the-configuration';
    const config = configured({ accounts: { adminApiKey } });
    expect(await withDemoAdminKey(config, folder)).toEqual({ config });
    await expect(stat(keyFile())).rejects.toThrow('ENOENT');
  });

  it('is nobody under another profile', async () => {
    const config = configured({ profile: 'development' });
    expect(await withDemoAdminKey(config, folder)).toEqual({ config });
    await expect(stat(keyFile())).rejects.toThrow('ENOENT');
  });

  it('is not let in with a key file that holds next to nothing', async () => {
    await mkdir(join(folder, '.wattproof'));
    await writeFile(keyFile(), '\n');
    await expect(withDemoAdminKey(configured({}), folder)).rejects.toThrow(
      /holds 0 characters, fewer than the 16/,
    );
  });
});
