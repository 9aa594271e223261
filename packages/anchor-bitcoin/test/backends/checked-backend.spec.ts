import type { BitcoinBackend } from '../../src/bitcoin-backend.js';
import { CheckedBackend } from '../../src/checked-backend.js';
import * as block from '../verify/synthetic-block.js';

const { signal } = new AbortController();
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const displayed = (bytes: Uint8Array) => hex(Uint8Array.from(bytes).reverse());
const transactions = [1, 2, 3].map((i) => block.transaction(Buffer.alloc(32, i), Buffer.of(0x51)));
const leaves = transactions.map(block.doubleSha256);
const header = block.header(block.levels(leaves).at(-1)![0]!);
const blockHash = displayed(block.doubleSha256(header));
const txIds = leaves.map(displayed);
const checked = (node: Partial<BitcoinBackend>, network: 'mainnet' | 'regtest' = 'regtest') =>
  new CheckedBackend({ header: async () => hex(header), ...node } as BitcoinBackend, network);
const unavailable = { name: 'AnchorError', reason: 'unavailable' };

describe('a backend that is not believed', () => {
  it('takes a block whose transactions its header commits to, and no list beside it', async () => {
    const listing = (ids: readonly string[]) =>
      checked({ block: async () => ({ header: hex(header), txIds: ids }) }).block(
        blockHash,
        signal,
      );
    expect((await listing(txIds)).txIds).toEqual(txIds);
    // Its last transaction repeated gives the same root (CVE-2012-2459).
    const repeated = [...txIds, txIds[2]!];
    expect(block.levels(repeated.map((id) => Buffer.from(id, 'hex').reverse())).at(-1)).toEqual(
      block.levels(leaves).at(-1),
    );
    for (const ids of [repeated, [], txIds.slice(1), txIds.toReversed(), ['zz'], [...txIds, '']])
      await expect(listing(ids)).rejects.toMatchObject(unavailable);
  });

  it('takes no header that is not of the block, or has less work than the network asks for', async () => {
    expect(await checked({}).header(blockHash, signal)).toBe(hex(header));
    await expect(checked({}, 'mainnet').header(blockHash, signal)).rejects.toMatchObject(
      unavailable,
    );
    for (const other of [hex(header).slice(2), `${hex(header)}00`, hex(header).toUpperCase(), ''])
      await expect(
        checked({ header: async () => other }).header(blockHash, signal),
      ).rejects.toMatchObject(unavailable);
  });

  it('reads the header of a block once, however often a transaction in it is looked at', async () => {
    let read = 0;
    const backend = checked({
      inclusion: async () => ({ height: 7, blockHash, blockTimeMs: 1_760_000_000_000, depth: 3 }),
      header: async () => {
        read += 1;
        return hex(header);
      },
    });
    for (const _ of [1, 2, 3]) await backend.inclusion('aa'.repeat(32), signal);
    expect(read).toBe(1);
  });

  it('takes a place in the chain only with the header of that block and its time', async () => {
    const place = { height: 7, blockHash, blockTimeMs: 1_760_000_000_000, depth: 3 };
    const placed = (other: object, network?: 'mainnet') =>
      checked({ inclusion: async () => ({ ...place, ...other }) }, network).inclusion(
        'aa'.repeat(32),
        signal,
      );
    expect(await placed({})).toEqual(place);
    for (const other of [
      { blockHash: 'ab'.repeat(32) },
      { blockTimeMs: place.blockTimeMs - 86_400_000 },
      { blockTimeMs: '1760000000000' },
      { depth: 0 },
      { depth: -1 },
      { depth: Number.NaN },
      { height: 0.5 },
    ])
      await expect(placed(other)).rejects.toMatchObject(unavailable);
    await expect(placed({}, 'mainnet')).rejects.toMatchObject(unavailable);
  });

  it('says where a block stands, and that there is none above the tip', async () => {
    const node = checked({ height: async () => 9, blockHash: async () => blockHash });
    expect(await node.standing(7, signal)).toEqual({
      height: 7,
      blockHash,
      blockTimeMs: 1_760_000_000_000,
      depth: 3,
    });
    expect(await node.standing(10, signal)).toBeUndefined();
  });
});
