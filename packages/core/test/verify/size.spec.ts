import { gzipSync } from 'node:zlib';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const VERIFY = fileURLToPath(new URL('../../src/verify/check-bundle.ts', import.meta.url));
const LIMIT_BYTES = 15_000;

/** Minified and gzipped bytes of a script that checks proof bundles signed with Ed25519. */
async function bundledBytes(contents: string): Promise<number> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: fileURLToPath(new URL('.', import.meta.url)), loader: 'ts' },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2023',
  });
  return gzipSync(outputFiles[0]!.contents, { level: 9 }).length;
}

describe('the size of the verifier', () => {
  it('leaves a page that checks bundles within 15 kB (15,000 bytes), hashing, curve and canonical JSON included', async () => {
    const script = `import { checkBundle } from ${JSON.stringify(VERIFY)}; globalThis.check = checkBundle;`;
    const bytes = await bundledBytes(script);
    expect(bytes).toBeLessThanOrEqual(LIMIT_BYTES);
    expect(bytes).toBeGreaterThan(5000);
  });
});
