import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ConfigError } from '../../src/config/config-errors.js';
import { describeBlocks } from '../../src/config/plugin-sources.js';
import { readConfig } from '../../src/config/read-config.js';

/** A folder with one configuration file and what it refers to. */
export class ConfigFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'wattproof-config-'));
  readonly file = join(this.path, 'etc', 'gateway.yaml');

  write(name: string, text: string): this {
    mkdirSync(dirname(join(this.path, name)), { recursive: true });
    writeFileSync(join(this.path, name), text);
    return this;
  }

  read(yaml: string, env: Readonly<Record<string, string>> = {}) {
    this.write('etc/gateway.yaml', yaml);
    const { file, path: workingDirectory } = this;
    return readConfig({ file, env, workingDirectory, describeBlock: describeBlocks(file) });
  }

  /** Path and message of every problem the text has. */
  async problems(
    yaml: string,
    env: Readonly<Record<string, string>> = {},
  ): Promise<Readonly<Record<string, string>>> {
    try {
      await this.read(yaml, env);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return Object.fromEntries(error.problems.map(({ path, message }) => [path, message]));
    }
    return {};
  }

  remove(): void {
    rmSync(this.path, { recursive: true });
  }
}

export const MINIMAL = 'origin: example.org/log\n';
