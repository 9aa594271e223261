import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { compileContracts } from '../scripts/compile.mjs';

describe('the committed artifacts', () => {
  it('are what the contracts compile to, byte for byte', async () => {
    const compiled = compileContracts();
    expect(compiled.length).toBeGreaterThan(0);
    for (const { name, module, abi, bytecode, runtimeBytecode } of compiled) {
      const path = join(import.meta.dirname, '..', module);
      const committed = (await import(pathToFileURL(path).href)) as Record<string, unknown>;
      expect(committed[name]).toEqual({ abi, bytecode, runtimeBytecode });
    }
  });
});
