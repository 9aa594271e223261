import type { AnchorQuote, CollectionDeclaration, Collections, JsonObject } from '../spi/index.js';
import type { AnchorAlert } from './anchor-alerts.js';

/** What the last look at an anchor came to; kept, so that every replica tells it and a restart forgets nothing. */
export interface AnchorCondition {
  readonly checkedAtMs: number;
  readonly alerts: readonly AnchorAlert[];
  /** As the ledger quoted it last; absent where nothing is paid. */
  readonly funds?: AnchorQuote;
}

/** Port: the newest condition per anchor. */
export interface AnchorConditions {
  read(anchor: string): Promise<AnchorCondition | undefined>;
  write(anchor: string, condition: AnchorCondition): Promise<void>;
}

const COLLECTION: CollectionDeclaration = { name: 'conditions', version: 1 };

/** Opened under this name they are nobody's but the engine's: owners of plugins' collections begin with their kind. */
export const CONDITIONS = { owner: 'core.anchoring', collections: [COLLECTION] } as const;

/** Conditions as documents: amounts are text, because JSON has no bigint. */
export function keptConditions(collections: Collections): AnchorConditions {
  return {
    async read(anchor) {
      const found = await collections.get(COLLECTION.name, anchor);
      if (found === undefined) return undefined;
      const { funds, ...rest } = found.value as unknown as KeptCondition;
      return { ...rest, ...(funds === undefined ? {} : { funds: quoteOf(funds) }) };
    },
    async write(anchor, { funds, ...rest }) {
      const kept: KeptCondition = {
        ...rest,
        ...(funds === undefined ? {} : { funds: textOf(funds) }),
      };
      await collections.put(COLLECTION.name, anchor, kept as unknown as JsonObject);
    },
  };
}

interface KeptFunds {
  readonly fee: string;
  readonly unit: string;
  readonly balance?: string;
}
type KeptCondition = Omit<AnchorCondition, 'funds'> & { readonly funds?: KeptFunds };

function textOf({ fee, balance }: AnchorQuote): KeptFunds {
  return {
    fee: String(fee.amount),
    unit: fee.unit,
    ...(balance === undefined ? {} : { balance: String(balance) }),
  };
}

function quoteOf({ fee, unit, balance }: KeptFunds): AnchorQuote {
  return {
    fee: { amount: BigInt(fee), unit },
    ...(balance === undefined ? {} : { balance: BigInt(balance) }),
  };
}
