import { EvmConfig } from '@wattproof/anchor-evm';
import { EvmPortsConfig } from '@wattproof/anchor-evm/ports';
import { computeAddress } from 'ethers';

const key = `0x${'11'.repeat(32)}`;
const rpc = { url: 'http://node.test' };
const sound = { chainId: 1, rpc, key };

const problems = (config: object): string[] =>
  (EvmConfig.safeParse(config).error?.issues ?? []).map(({ path }) => path.join('.'));

describe('the configuration', () => {
  it('names nodes and signers by http URLs that hold no password', () => {
    expect(problems(sound)).toEqual([]);
    for (const url of ['http://ann:hunter2@node', 'https://hunter2@node/x', 'ftp://node']) {
      const { error } = EvmConfig.safeParse({ ...sound, rpc: { url } });
      expect(error?.issues.map(({ path }) => path.join('.'))).toEqual(['rpc.url']);
      expect(error?.message).not.toContain('hunter2');
      const signer = { url, address: `0x${'22'.repeat(20)}` };
      expect(problems({ chainId: 1, rpc, signer })).toEqual(['signer.url']);
    }
  });

  it('counts each node once', () => {
    expect(problems({ ...sound, rpc: [rpc, { url: 'http://other.test' }] })).toEqual([]);
    expect(problems({ ...sound, rpc: [rpc, { url: 'http://node.test/' }] })).toEqual(['rpc']);
  });

  it('takes for a key only what is one', () => {
    const order = 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141';
    for (const none of ['00'.repeat(32), order, `0x${order}`, 'ff'.repeat(32), '0x11'])
      expect(problems({ ...sound, key: none })).toEqual(['key']);
    expect(problems({ ...sound, key: key.slice(2) })).toEqual([]);
  });

  it('lets no account both anchor and operate, however it is named', () => {
    const address = computeAddress(key);
    const json = JSON.stringify({ version: 3, address: address.slice(2).toLowerCase() });
    const named = [
      { key },
      { key: key.slice(2).toUpperCase() },
      { keystore: { json, password: '' } },
      { signer: { url: 'http://signer.test', address } },
    ];
    const contracts = { tokens: address, certificates: address, settlement: address };
    const parse = (anchors: object, operates: object) =>
      EvmPortsConfig.safeParse({
        chainId: 1,
        rpc,
        ...anchors,
        ports: { ...contracts, ...operates },
      });
    for (const one of named)
      for (const two of named)
        expect(parse(one, two).error?.issues).toMatchObject([
          { path: ['ports'], message: expect.stringContaining('must not be the account') },
        ]);
    expect(parse({ key }, { key: `0x${'12'.repeat(32)}` }).success).toBe(true);
  });

  it('says of every key that is not as it should be which one, and how it should be', () => {
    const wrong: [string, object, RegExp][] = [
      ['key', { key: 0x1111 }, /in quotes/],
      ['registry', { registry: 0x1111 }, /in quotes/],
      ['rpc', { rpc: undefined }, /{ url/],
      ['rpc', { rpc: 'http://node' }, /{ url/],
      ['rpc', { rpc: { ...rpc, url: 7 } }, /url: .*string/],
      ['rpc', { rpc: { ...rpc, uri: 'x' } }, /uri/],
      ['rpc.1', { rpc: [rpc, { url: 'http://b', timeoutMS: 9 }] }, /timeoutMS/],
      ['layer', { layer: '2' }, /1 or 2/],
      ['finality', { finality: 'final' }, /depth/],
      ['finality', { finality: { depth: 1 }, layer: 2 }, /layer 2/],
      ['quorum', { quorum: 2 }, /more than there are/],
      ['', { maxfeeGwei: 1 }, /maxfeeGwei/],
      ['', { signer: { url: rpc.url, address: `0x${'11'.repeat(20)}` } }, /exactly one/],
    ];
    for (const [path, change, message] of wrong) {
      const [issue, ...more] = EvmConfig.safeParse({ ...sound, ...change }).error?.issues ?? [];
      expect([issue?.path.join('.'), more]).toEqual([path, []]);
      expect(issue?.message).toMatch(message);
    }
  });
});
