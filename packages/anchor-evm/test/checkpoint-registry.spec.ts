import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deployRegistry, registryAddress } from '@wattproof/anchor-evm';
import { commitmentDigest } from '@wattproof/core/verify';
import { Contract, JsonRpcProvider, Wallet } from 'ethers';
import { CheckpointRegistry } from '../src/artifacts/checkpoint-registry.js';
import { originHash } from '../src/verify/checkpoint-words.js';
import { Anvil } from './anvil/anvil.js';

const ORIGIN = originHash('registry.test/log');
const OTHER = originHash('registry.test/other');
const root = (name: string): Uint8Array => createHash('sha256').update(name).digest();

let anvil: Anvil;
let provider: JsonRpcProvider | undefined;
let ours: any;
let theirs: any;

beforeAll(async () => {
  anvil = await Anvil.start({ automine: true, args: ['--disable-default-create2-deployer'] });
  const rpc = { url: anvil.url, timeoutMs: 5_000 };
  const options = { chainId: 31_337, rpc, signer: anvil.key(0), pollMs: 1 };
  const deployed = await deployRegistry(options);
  expect(deployed).toEqual({ address: registryAddress(), txId: expect.stringMatching(/^0x/) });
  expect(await deployRegistry(options)).toEqual({ address: registryAddress() });
  // Nothing is remembered between two questions: nonces and receipts change with every block.
  provider = new JsonRpcProvider(anvil.url, 31_337, { cacheTimeout: -1, staticNetwork: true });
  const as = (account: number) =>
    new Contract(
      registryAddress(),
      CheckpointRegistry.abi,
      new Wallet(anvil.key(account), provider),
    );
  [ours, theirs] = [as(1), as(2)];
});
afterAll(async () => {
  provider?.destroy();
  await anvil.stop();
});

const publish = async (contract: any, size: number, digest: Uint8Array, origin = ORIGIN) =>
  (await contract.publish(origin, size, digest)).wait();

describe('the checkpoint registry', () => {
  it('stands at the address that follows from its code, on a chain that had no deployer', () => {
    // Moving it would lose every registry that is deployed: a change of code is a new registry.
    expect(registryAddress()).toBe('0x8dfda115a4ec0a3fef9f1418e27063e0af0f92a5');
  });

  it('takes sizes that grow, at no more than 40k gas after the first', async () => {
    const first = await publish(ours, 1, root('a'));
    const next = await publish(ours, 2, root('b'));
    const again = await publish(ours, 2, root('b'));
    const { address } = new Wallet(anvil.key(3));
    const alone = await new Wallet(anvil.key(3), provider).sendTransaction({
      to: address,
      data: `0x${'5a'.repeat(87)}`,
    });
    const calldata = await alone.wait();
    console.log(
      `gas: first checkpoint ${first.gasUsed}, next ${next.gasUsed}, repeated ${again.gasUsed}, calldata alone ${calldata?.gasUsed}`,
    );
    expect(next.gasUsed).toBeLessThanOrEqual(40_000n);
    expect(next.logs).toHaveLength(1);
    expect(again.logs).toHaveLength(0);
    await expect(publish(ours, 2, root('c'))).rejects.toThrow(/SizeMustGrow|revert/);
    await expect(publish(ours, 1, root('a'))).rejects.toThrow(/SizeMustGrow|revert/);
    await expect(publish(ours, 0, root('a'))).rejects.toThrow(/SizeMustGrow|revert/);
    const [size, digest] = await ours.checkpoints(await ours.runner.getAddress(), ORIGIN);
    expect([size, digest]).toEqual([2n, `0x${Buffer.from(root('b')).toString('hex')}`]);
  });

  it('keeps each sender and each log to itself', async () => {
    await publish(theirs, 9, root('theirs'));
    await publish(ours, 1, root('other'), OTHER);
    const [size] = await ours.checkpoints(await ours.runner.getAddress(), ORIGIN);
    expect(size).toBe(2n);
  });

  it('computes the digest of a checkpoint as the log does', async () => {
    const digest = commitmentDigest('registry.test/log', 7, root('r'));
    expect(await ours.digestOf(ORIGIN, 7, root('r'))).toBe(
      `0x${Buffer.from(digest).toString('hex')}`,
    );
    await publish(ours, 7, digest);
    const sender = await ours.runner.getAddress();
    expect(await ours.isNewest(sender, ORIGIN, 7, root('r'))).toBe(true);
    expect(await ours.isNewest(sender, ORIGIN, 7, root('s'))).toBe(false);
    expect(await ours.isNewest(sender, ORIGIN, 8, root('r'))).toBe(false);
  });

  it('verifies inclusion exactly as RFC 9162 does', async () => {
    const file = join(import.meta.dirname, '../../../vectors/rfc6962.json');
    const vectors: any[] = JSON.parse(readFileSync(file, 'utf8')).inclusion;
    const hex = (digits: string) => `0x${digits}`;
    const verify = (leaf: string, index: number, size: number, path: string[], top: string) =>
      ours.verifyInclusion(hex(leaf), index, size, path.map(hex), hex(top));
    for (const { leaf_hash: leaf, index, size, proof, root: top, valid } of vectors) {
      expect(await verify(leaf, index, size, proof, top)).toBe(valid);
      if (!valid) continue;
      expect(await verify(leaf, index + 1, size, proof, top)).toBe(false);
      expect(await verify(leaf, index, size, [...proof, top], top)).toBe(false);
      expect(await verify('00'.repeat(32), index, size, proof, top)).toBe(false);
      if (size > 1) expect(await verify(leaf, index, size, proof.slice(1), top)).toBe(false);
    }
  });
});
