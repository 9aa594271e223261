import { computeAddress } from 'ethers';
import type { Anvil } from './anvil.js';

/** Ids of the account's successful transactions in blocks whose calldata ends in this digest, asked of the blocks themselves. */
export async function includedWith(
  anvil: Anvil,
  digest: Uint8Array,
  key: string,
): Promise<string[]> {
  const sender = computeAddress(key).toLowerCase();
  const wanted = Buffer.from(digest).toString('hex');
  const found: string[] = [];
  let left = Number(await anvil.rpc<string>('eth_getTransactionCount', sender, 'latest'));
  for (let height = await anvil.height(); left > 0; height -= 1) {
    const { transactions } = await anvil.rpc<{
      transactions: { hash: string; input: string; from: string }[];
    }>('eth_getBlockByNumber', `0x${height.toString(16)}`, true);
    for (const { hash, input } of transactions.filter(({ from }) => from === sender)) {
      left -= 1;
      if (!input.endsWith(wanted)) continue;
      const { status } = await anvil.rpc<{ status: string }>('eth_getTransactionReceipt', hash);
      if (status === '0x1') found.push(hash);
    }
  }
  return found;
}
