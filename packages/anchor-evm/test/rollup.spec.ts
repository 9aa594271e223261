import { Transaction } from 'ethers';
import fc from 'fast-check';
import {
  AnchorWorld,
  attemptOf as attempt,
  intentOf as intent,
  signal,
} from './anvil/anchor-world.js';
import type { Anvil } from './anvil/anvil.js';

const ORACLE = '0x420000000000000000000000000000000000000F';
/** Answers every call with its first storage slot times the length of what it was asked. */
const ORACLE_CODE = '0x366000540260005260206000f3';

describe('a rollup of the OP stack', () => {
  let world: AnchorWorld;
  let anvil: Anvil;

  beforeAll(async () => {
    world = await AnchorWorld.start();
    ({ anvil } = world);
  });
  beforeEach(() => anvil.rpc('anvil_setCode', ORACLE, ORACLE_CODE));
  afterEach(() => {
    anvil.intercept(undefined);
  });
  afterAll(() => world.stop());

  const OPTIONS = { layer: 2, dataFee: 'op-stack', maxFeeGwei: 20 };
  const anchorWith = (options: object = {}) => world.anchorWith({ ...OPTIONS, ...options });
  const weiPerByte = (wei: bigint) =>
    anvil.rpc('anvil_setStorageAt', ORACLE, '0x0', `0x${wei.toString(16).padStart(64, '0')}`);
  const gasCost = (signed: Uint8Array): bigint => {
    const { gasLimit, maxFeePerGas } = Transaction.from(`0x${Buffer.from(signed).toString('hex')}`);
    return gasLimit * (maxFeePerGas ?? 0n);
  };

  it('charges data beside the gas, and twice what it asks now is set aside', async () => {
    const { anchor } = anchorWith();
    await weiPerByte(0n);
    const free = await attempt(anchor, intent(1));
    expect(free.fee.amount).toBe(gasCost(free.signed));
    const quoted = (await anchor.quote(intent(1), signal)).fee.amount;
    await weiPerByte(1_000_000_000n);
    const made = await attempt(anchor, intent(1));
    const aside = made.fee.amount - gasCost(made.signed);
    // Selector, offset, length and the transaction without its signature, padded to words.
    expect(aside % 2_000_000_000n).toBe(0n);
    const bytes = Number(aside / 2_000_000_000n);
    const bare = Transaction.from(`0x${Buffer.from(made.signed).toString('hex')}`);
    const unsigned = (bare.unsignedSerialized.length - 2) / 2;
    expect(Math.abs(bytes - (4 + 64 + Math.ceil(unsigned / 32) * 32))).toBeLessThanOrEqual(32);
    expect((await anchor.quote(intent(1), signal)).fee.amount).toBeGreaterThan(quoted);
  });

  it('never takes an anchor over its budget, whatever layer 1 costs', async () => {
    const { anchor } = anchorWith();
    await fc.assert(
      fc.asyncProperty(
        fc.bigInt({ min: 0n, max: 10n ** 12n }),
        fc.bigInt({ min: 10n ** 13n, max: 10n ** 15n }),
        async (wei, maxFee) => {
          await weiPerByte(wei);
          try {
            const { fee } = await attempt(anchor, intent(1), [], { maxFee });
            expect(fee.amount).toBeLessThanOrEqual(maxFee);
          } catch (error) {
            expect(error).toMatchObject({ reason: 'capped' });
          }
        },
      ),
      { numRuns: 25 },
    );
  });

  it('is capped by what layer 1 costs alone', async () => {
    await weiPerByte(10n ** 12n);
    const { anchor } = anchorWith();
    const maxFee = 10n ** 14n;
    await expect(attempt(anchor, intent(1), [], { maxFee })).rejects.toMatchObject({
      reason: 'capped',
      message: expect.stringMatching(/data of an anchor may cost \d+ wei on layer 1; .* 10{14}/),
    });
  });

  it('sends nothing whose data has become dearer than what was set aside, and pays for it anew', async () => {
    const { anchor } = anchorWith();
    // The data is most of the cost, so that it decides which attempt is the dearer one.
    const unit = 10n ** 12n;
    await weiPerByte(unit);
    const made = await attempt(anchor, intent(1));
    await weiPerByte(2n * unit);
    const same = await attempt(anchor, intent(1), [made]);
    await weiPerByte(2n * unit + 1n);
    await expect(anchor.broadcast(made, signal)).rejects.toMatchObject({
      reason: 'underpriced',
      message: expect.stringMatching(/^Layer 1 now asks \d+ wei .* \d+ wei are set aside/),
    });
    await weiPerByte(unit / 2n);
    const cheaper = await attempt(anchor, intent(1), [made, same]);
    expect(cheaper.fee.amount).toBeGreaterThan(same.fee.amount);
    expect(await anchor.broadcast(same, signal)).toBe('accepted');
    // What the node has already is not weighed again.
    await weiPerByte(10n ** 9n);
    expect(await anchor.broadcast(same, signal)).toBe('known');
    await anvil.mine();
    expect(await anchor.observe([same], signal)).toMatchObject([{ status: 'included' }]);
  });

  it('says in the receipt what the data cost, and that is paid', async () => {
    const { anchor } = anchorWith();
    await weiPerByte(0n);
    const made = await world.publish(anchor, intent(1));
    const paid = async () =>
      BigInt((await anchor.observe([made], signal))[0]?.inclusion?.feePaid ?? 0);
    const gas = await paid();
    anvil.intercept((method, _params, { result }) =>
      method === 'eth_getTransactionReceipt' ? { result: { ...result, l1Fee: '0x64' } } : undefined,
    );
    expect(await paid()).toBe(gas + 100n);
  });

  it('needs the coins for it, and its oracle', async () => {
    const { anchor } = anchorWith();
    await weiPerByte(10n ** 20n);
    await expect(attempt(anchor, intent(1))).rejects.toMatchObject({
      reason: 'insufficient-funds',
    });
    await anvil.rpc('anvil_setCode', ORACLE, '0x');
    await expect(attempt(anchor, intent(1))).rejects.toMatchObject({
      reason: 'unavailable',
      message: expect.stringMatching(/no GasPriceOracle .* Correct dataFee/),
    });
    expect(() => anchorWith({ layer: 1 })).toThrow(/only layer 2/);
  });

  it('is asked for gas as of its latest block', async () => {
    const asked: unknown[] = [];
    await weiPerByte(0n);
    anvil.intercept((method, params) => {
      if (method === 'eth_estimateGas') asked.push(params[1]);
      return undefined;
    });
    await attempt(anchorWith().anchor, intent(1));
    expect(asked).toEqual(['latest']);
  });
});
