import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A folder with a configuration file and packages installed beside it, as an operator would have. */
export class PluginFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'wattproof-plugins-'));
  readonly configFile = join(this.path, 'gateway.yaml');

  write(file: string, text: string): this {
    mkdirSync(dirname(join(this.path, file)), { recursive: true });
    writeFileSync(join(this.path, file), text);
    return this;
  }

  /** Installs a package whose main door has this source text. */
  install(name: string, source: string, manifest: object = { exports: './index.js' }): this {
    const text = JSON.stringify({ name, version: '1.2.3', type: 'module', ...manifest });
    return this.write(`node_modules/${name}/package.json`, text).write(
      `node_modules/${name}/index.js`,
      source,
    );
  }

  remove(): void {
    rmSync(this.path, { recursive: true });
  }
}

/** Source of a plugin module as another copy of core would have made it; `changes` replaces its fields. */
export function pluginSource(changes: Readonly<Record<string, string>> = {}): string {
  const fields = {
    $type: `'@wattproof/plugin'`,
    spi: '0',
    kind: `'transport'`,
    name: `'radio'`,
    capabilities: `{ protocol: 'radio', commands: false }`,
    config: `{ '~standard': { version: 1, vendor: 'test', validate: (value) => {
      const issues = Object.keys(value).filter((key) => key !== 'band')
        .map((key) => ({ message: 'unknown key', path: [key] }));
      if (value.band !== undefined && typeof value.band !== 'number') issues.push({ message: 'expected a number', path: ['band'] });
      return issues.length > 0 ? { issues } : { value: { band: 868, ...value } };
    } } }`,
    create: `(config, context) => ({ config, context, async start() {}, async stop() {}, async health() { return { live: true, ready: true }; } })`,
    ...changes,
  };
  const text = Object.entries(fields).map(([name, value]) => `${name}: ${value}`);
  return `export default { ${text.join(', ')} };`;
}

/** Capabilities of a sound anchor as source text. */
export const SOUND_ANCHOR = `{ exclusion: 'ledger', cost: 'paid', finality: 'probabilistic', reorgs: true, bump: [], evidence: ['x/1'], trust: 'spv-pow' }`;
