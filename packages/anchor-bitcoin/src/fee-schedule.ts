import { AnchorError, type Fee } from '@wattproof/core/spi';
import type { FeeMarket } from './bitcoin-node.js';
import type { FeeConfig } from './bitcoin.config.js';

/** A fee and the size it was paid for. */
export interface PaidFee {
  readonly feeSat: bigint;
  readonly vbytes: number;
}

export interface FeeQuestion {
  readonly vbytes: number;
  /** 0 for the first try; each bump multiplies the rate by the schedule's step. */
  readonly bump: number;
  readonly market: FeeMarket;
  /** What it has to outbid (BIP-125, rules 3, 4 and 6). */
  readonly replaces: readonly PaidFee[];
  /** What a child pays for as well: the rate is that of all together (CPFP). */
  readonly paysFor?: PaidFee | undefined;
  readonly maxFeeSat?: bigint | undefined;
}

/**
 * What an anchor pays: the estimate raised by the step of each bump, at least what the node takes and a replacement
 * has to pay, at most the caps. Throws `capped` when the least is above them.
 */
export function anchorFee(config: FeeConfig, question: FeeQuestion): Fee {
  const { vbytes, bump, market, replaces, maxFeeSat } = question;
  const { feeSat: paid, vbytes: more } = question.paysFor ?? { feeSat: 0n, vbytes: 0 };
  const forAll = (satPerVb: number): bigint => satFor(satPerVb, vbytes + more) - paid;
  const floor = Math.max(config.floorSatPerVb, market.floorSatPerVb);
  const start = Math.max(floor, market.estimateSatPerVb ?? config.fallbackSatPerVb);
  // A step to a high power overflows; the cap comes first.
  const wanted = Math.min(start * config.step ** bump, config.maxSatPerVb);
  const least = replaces.reduce(
    (most, rival) => max(most, outbid(rival, vbytes, market.incrementSatPerVb)),
    max(satFor(floor, vbytes), forAll(floor)),
  );
  const byRate = BigInt(Math.floor(config.maxSatPerVb * (vbytes + more))) - paid;
  const cap = maxFeeSat === undefined ? byRate : min(byRate, maxFeeSat);
  if (least > cap)
    throw new AnchorError(
      'capped',
      `An anchor of ${vbytes} vB has to pay ${least} sat now, more than the ${cap} sat that ${
        cap < byRate
          ? 'the anchor’s policy leaves'
          : `fee.maxSatPerVb (${config.maxSatPerVb}) allows`
      }.`,
    );
  const amount = min(cap, max(least, forAll(wanted)));
  return { amount, unit: 'sat', rate: { amount: Number(amount) / vbytes, unit: 'sat/vB' } };
}

/** More in all by the relay of its own size, and more for each byte. */
const outbid = (paid: PaidFee, vbytes: number, incrementSatPerVb: number): bigint =>
  max(
    paid.feeSat + satFor(incrementSatPerVb, vbytes),
    (paid.feeSat * BigInt(vbytes)) / BigInt(paid.vbytes) + 1n,
  );

const satFor = (satPerVb: number, vbytes: number): bigint => BigInt(Math.ceil(satPerVb * vbytes));
const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);
