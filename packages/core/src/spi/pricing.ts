import type { JsonObject } from '../verify/contracts.js';

/** A named influence on a price, with what it did. */
export interface PriceFactor {
  readonly name: string;
  /** Decimal string. */
  readonly factor: string;
  readonly because: string;
}

export interface PriceQuote {
  /** Decimal string, in `currency` per kWh. */
  readonly price: string;
  readonly currency: string;
  readonly factors: readonly PriceFactor[];
  /** 0 … 100. */
  readonly confidence: number;
  /** Inputs the model wanted and did not get. */
  readonly missing: readonly string[];
}

/** Pure: the same inputs give the same quote, on any machine, at any time. */
export interface PricingModel {
  quote(inputs: JsonObject): PriceQuote;
}

export interface PricingCapabilities {
  readonly model: string;
}
