import { keccak256, Wallet } from 'ethers';
import { headerRlp } from '../../src/block-header-rlp.js';
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
});
