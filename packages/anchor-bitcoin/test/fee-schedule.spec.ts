import { BitcoinConfig } from '@wattproof/anchor-bitcoin';
import { anchorFee, type FeeQuestion } from '../src/fee-schedule.js';

const { fee: config } = BitcoinConfig.parse({
  network: 'regtest',
  rpc: { url: 'http://127.0.0.1:1' },
  wif: 'x'.repeat(52),
});
const question: FeeQuestion = {
  vbytes: 153,
  bump: 0,
  market: { floorSatPerVb: 1, incrementSatPerVb: 1 },
  replaces: [],
};
const feeOf = (change: Partial<FeeQuestion>): bigint =>
  anchorFee(config, { ...question, ...change }).amount;

describe('the fee of an anchor', () => {
  it('is the size times the estimate, or the fallback, and never below what the node takes', () => {
    expect(feeOf({})).toBe(306n);
    expect(feeOf({ market: { ...question.market, estimateSatPerVb: 12.5 } })).toBe(1913n);
    expect(feeOf({ market: { ...question.market, floorSatPerVb: 30 } })).toBe(4590n);
    expect(feeOf({ market: { ...question.market, estimateSatPerVb: 0.2 } })).toBe(153n);
  });

  it('has no schedule whose floor is above its ceiling', () => {
    const fee = { floorSatPerVb: 20, maxSatPerVb: 10 };
    expect(BitcoinConfig.shape.fee.safeParse(fee).success).toBe(false);
    expect(BitcoinConfig.shape.fee.safeParse({ ...fee, maxSatPerVb: 20 }).success).toBe(true);
  });

  it('rises with each bump, whatever the power, and stops at the dearest rate', () => {
    let before = 0n;
    for (let bump = 0; bump <= 100; bump += 1) {
      const fee = feeOf({ bump });
      expect(fee).toBeGreaterThanOrEqual(before);
      expect(fee).toBeLessThanOrEqual(15_300n);
      before = fee;
    }
    expect(before).toBe(15_300n);
  });

  it('outbids what it replaces in all and for each byte', () => {
    expect(feeOf({ replaces: [{ feeSat: 1_000n, vbytes: 153 }] })).toBe(1_153n);
    // A smaller one at a dearer rate: the rate decides.
    expect(feeOf({ replaces: [{ feeSat: 1_000n, vbytes: 100 }] })).toBe(1_531n);
    expect(feeOf({ bump: 8, replaces: [{ feeSat: 1_000n, vbytes: 153 }] })).toBe(7_843n);
  });

  it('of a child brings what it pays for up to the rate, and no further than the caps', () => {
    const paysFor = { feeSat: 306n, vbytes: 153 };
    const child = { vbytes: 110, paysFor, market: { ...question.market, estimateSatPerVb: 10 } };
    expect(feeOf(child)).toBe(2_630n - 306n);
    expect(feeOf({ ...child, market: { ...question.market, floorSatPerVb: 20 } })).toBe(4_954n);
    // What is paid well already needs the relay of the child alone.
    expect(feeOf({ ...child, paysFor: { feeSat: 9_000n, vbytes: 153 } })).toBe(110n);
    expect(feeOf({ ...child, bump: 50 })).toBe(26_300n - 306n);
    expect(feeOf({ ...child, maxFeeSat: 500n })).toBe(500n);
    const floor = { ...question.market, floorSatPerVb: 10 };
    expect(() => feeOf({ ...child, market: floor, maxFeeSat: 2_323n })).toThrow(
      expect.objectContaining({ reason: 'capped' }),
    );
  });

  it('pays the cap to the satoshi rather than nothing, and is capped when that is too little', () => {
    expect(feeOf({ bump: 8, maxFeeSat: 5_000n })).toBe(5_000n);
    expect(feeOf({ maxFeeSat: 153n })).toBe(153n);
    for (const refused of [
      { maxFeeSat: 152n },
      { maxFeeSat: 1_152n, replaces: [{ feeSat: 1_000n, vbytes: 153 }] },
      { replaces: [{ feeSat: 15_200n, vbytes: 153 }] },
      { market: { ...question.market, floorSatPerVb: 101 } },
    ])
      expect(() => feeOf(refused)).toThrow(expect.objectContaining({ reason: 'capped' }));
  });
});
