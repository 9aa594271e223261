import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { headersOf } from '../../src/cli/header-source.js';
import { installedVerifiers } from '../../src/cli/evidence-verifiers.js';
import { readSource } from '../../src/cli/verify-source.js';

async function served<T>(
  listener: RequestListener,
  use: (address: string) => Promise<T>,
): Promise<T> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/headers`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

describe('what wattproof verify reads', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'wattproof-cli-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('is a file of at most the bytes allowed', async () => {
    const path = join(folder, 'headers');
    await writeFile(path, 'abcdef');
    expect(Buffer.from(await readSource(path, 6)).toString()).toBe('abcdef');
    await expect(readSource(path, 5)).rejects.toThrow('larger than 5 bytes');
    await expect(readSource(join(folder, 'none'), 5)).rejects.toThrow('ENOENT');
  });

  it('is an address, whose answer is cut off at the bytes allowed even when it never ends', async () => {
    await served(
      (_, response) => void response.end('abc'),
      async (address) => expect(Buffer.from(await readSource(address, 3)).toString()).toBe('abc'),
    );
    await served(
      (_, response) => {
        const more = (): void => {
          while (response.write('x'.repeat(1000)));
          response.once('drain', more);
        };
        more();
      },
      (address) => expect(readSource(address, 10_000)).rejects.toThrow('larger than 10000 bytes'),
    );
  });

  it('is not reached where nobody listens, which is said with the reason', async () => {
    let address = '';
    await served(
      (_, response) => void response.end(),
      async (at) => void (address = at),
    );
    await expect(readSource(address, 10)).rejects.toThrow(/cannot be reached: .*ECONNREFUSED/);
  });

  it('is not what a server refuses or takes too long to send', async () => {
    await served(
      (_, response) => void response.writeHead(404).end(),
      (address) => expect(readSource(address, 10)).rejects.toThrow('answered 404'),
    );
    await served(
      (_, response) => void response.write('a'),
      (address) =>
        expect(readSource(address, 10, { fetch, timeoutMs: 50 })).rejects.toThrow(
          'did not answer in full within 50 ms',
        ),
    );
  });
});

describe('headers', () => {
  // The first block of Bitcoin's main network.
  const GENESIS = `01000000${'0'.repeat(64)}3ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c`;
  const HASH = '000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f';

  it('are found by the height written before them and by their hash', async () => {
    const source = headersOf(`0 ${GENESIS}\n\n`);
    const raw = Uint8Array.from(Buffer.from(GENESIS, 'hex'));
    expect(await source.header('bitcoin:mainnet', { height: 0 })).toEqual(raw);
    expect(await source.header('bitcoin:mainnet', { hash: HASH })).toEqual(raw);
    expect(await source.header('bitcoin:mainnet', { height: 1 })).toBeUndefined();
    const unnumbered = headersOf(GENESIS);
    expect(await unnumbered.header('bitcoin:mainnet', { height: 0 })).toBeUndefined();
    expect(await unnumbered.header('bitcoin:mainnet', { hash: HASH.toUpperCase() })).toEqual(raw);
  });

  it('of a ledger named on their line are its own, and those of Bitcoin are not for chains of another kind', async () => {
    const evm = 'f9'.repeat(540);
    const source = headersOf(`7 ${GENESIS}\neip155:1 8 ${evm}`);
    const raw = Uint8Array.from(Buffer.from(evm, 'hex'));
    expect(await source.header('eip155:1', { height: 8 })).toEqual(raw);
    expect(await source.header('eip155:10', { height: 8 })).toBeUndefined();
    expect(await source.header('eip155:1', { height: 7 })).toBeUndefined();
    expect(await source.header('bitcoin:mainnet', { height: 8 })).toBeUndefined();
  });

  it("without a ledger on their line are the main network's and no other chain's", async () => {
    const source = headersOf(`7 ${GENESIS}\nbitcoin:regtest 8 ${GENESIS}`);
    for (const ledger of ['bitcoin:regtest', 'bsv:mainnet', '']) {
      expect(await source.header(ledger, { height: 7 })).toBeUndefined();
      expect(await source.header(ledger, { hash: HASH })).toBeUndefined();
    }
    expect(await source.header('bitcoin:regtest', { height: 8 })).toHaveLength(80);
    expect(await source.header('bitcoin:mainnet', { height: 8 })).toBeUndefined();
  });

  it('are refused with the line that is none', () => {
    expect(() => headersOf(`0 ${GENESIS}\n1 ${GENESIS.slice(2)}`)).toThrow('line 2');
    expect(() => headersOf(`0x0 ${GENESIS}`)).toThrow('line 1');
  });
});

describe('evidence verifiers', () => {
  it("are this package's own and those installed beside the caller's files", async () => {
    const found = await installedVerifiers(tmpdir());
    expect(found.map(({ type }) => type)).toContain('local-ledger/1');
  });

  it('are taken from a package by its verify entry', async () => {
    const root = await mkdtemp(join(tmpdir(), 'wattproof-verifiers-'));
    try {
      const module = join(root, 'node_modules/@wattproof/anchor-bitcoin');
      await mkdir(module, { recursive: true });
      await writeFile(
        join(module, 'package.json'),
        '{"name":"@wattproof/anchor-bitcoin","type":"module","exports":{"./verify":"./verify.js"}}',
      );
      await writeFile(
        join(module, 'verify.js'),
        'export default { type: "bitcoin-op-return/1", verify: async () => ({ ok: true }) };',
      );
      const found = await installedVerifiers(root);
      expect(found.map(({ type }) => type)).toEqual(['local-ledger/1', 'bitcoin-op-return/1']);
      const other = join(root, 'node_modules/anchor-notary');
      await cp(module, other, { recursive: true });
      await writeFile(
        join(other, 'verify.js'),
        'export default { type: "notary/1", verify: async () => ({ ok: true }) };',
      );
      const asked = await installedVerifiers(root, ['anchor-notary']);
      expect(asked.map(({ type }) => type)).toContain('notary/1');
      await expect(installedVerifiers(root, ['anchor-none'])).rejects.toThrow('npm install');
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  });
});
