import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { commandContext } from '../../src/cli/command.js';
import { schema } from '../../src/cli/schema.js';
import { ConfigFolder, MINIMAL } from './config-folder.js';

interface Schema {
  readonly properties: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: unknown;
  readonly default?: unknown;
  readonly description?: string;
  readonly const?: unknown;
}

let folder: ConfigFolder;
beforeEach(() => {
  folder = new ConfigFolder();
});
afterEach(() => folder.remove());

async function printed(yaml: string): Promise<Schema> {
  folder.write('etc/gateway.yaml', yaml);
  const out: string[] = [];
  const context = commandContext({
    env: { WATTPROOF_CONFIG: folder.file },
    workingDirectory: folder.path,
    out: (line) => void out.push(line),
    err: (line) => void out.push(line),
  });
  expect(await schema([], context)).toBe(0);
  return JSON.parse(out.join('\n')) as Schema;
}

describe('gateway schema', () => {
  it('documents every section with defaults, closed against unknown keys', async () => {
    const { properties, additionalProperties, required } = await printed(MINIMAL);
    expect(required).toEqual(['origin']);
    expect(additionalProperties).toBe(false);
    expect(Object.keys(properties)).toEqual(
      expect.arrayContaining(
        'origin log store http accounts devices claims ingestion batching transports anchors anchoring pricing roles'.split(
          ' ',
        ),
      ),
    );
    expect(properties.batching?.properties.maxEntries).toMatchObject({ default: 65_536 });
    expect(properties.http?.additionalProperties).toBe(false);
  });

  it('holds the blocks of the plugins the file names, and leaves those open that are not installed', async () => {
    const { properties } = await printed(
      `${MINIMAL}anchors: { bitcoin: { use: "@wattproof/anchor-bitcoin" }, gone: { use: gone } }`,
    );
    const bitcoin = properties.anchors?.properties.bitcoin;
    expect(bitcoin?.properties.use?.const).toBe('@wattproof/anchor-bitcoin');
    expect(bitcoin?.properties.network).toBeDefined();
    expect(bitcoin?.required).toEqual(expect.arrayContaining(['use', 'network']));
    expect(properties.anchors?.properties.gone).toBeUndefined();
  });
});
