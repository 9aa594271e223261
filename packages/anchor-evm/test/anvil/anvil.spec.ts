import { keccak256, Wallet } from 'ethers';
import { headerRlp } from '../../src/block-header-rlp.js';
import { EvmNode } from '../../src/evm-node.js';
import { Anvil } from './anvil.js';

describe('the test node', () => {
  let anvil: Anvil;
  beforeAll(async () => {
    anvil = await Anvil.start({ accounts: 3 });
  });
  afterAll(() => anvil.stop());

  it('mines when told, and a reorganisation gives other blocks at the same heights', async () => {
    await anvil.mine(3);
    const before = await anvil.rpc<Record<string, string>>('eth_getBlockByNumber', '0x3', false);
    expect(keccak256((await anvil.header(3)) as Uint8Array)).toBe(before.hash);
    expect(keccak256(headerRlp(before))).toBe(before.hash);
    await anvil.reorganise(1);
    const after = await anvil.rpc<Record<string, string>>('eth_getBlockByNumber', '0x3', false);
    expect(after.hash).not.toBe(before.hash);
    expect(await anvil.height()).toBe(4);
  });

  it('has funded accounts', async () => {
    const { address } = new Wallet(anvil.key(2));
    expect(BigInt(await anvil.rpc('eth_getBalance', address, 'latest'))).toBeGreaterThan(
      10n ** 21n,
    );
  });

  it('says in the inclusion of a transaction what its account was charged', async () => {
    const wallet = new Wallet(anvil.key(1));
    const { address } = wallet;
    const balance = async () =>
      BigInt(await anvil.rpc<string>('eth_getBalance', address, 'latest'));
    const before = await balance();
    const signed = await wallet.signTransaction({
      chainId: 31_337,
      type: 2,
      nonce: 0,
      to: address,
      gasLimit: 60_000,
      maxFeePerGas: 10n ** 11n,
      maxPriorityFeePerGas: 1n,
    });
    const txId = await anvil.rpc<string>('eth_sendRawTransaction', signed);
    await anvil.mine(1);
    const node = new EvmNode({ url: anvil.url, headers: {}, timeoutMs: 5_000 }, 31_337);
    const placed = await node.placed(txId, new AbortController().signal);
    expect(BigInt(placed?.inclusion.feePaid ?? 0)).toBe(before - (await balance()));
  });
});
