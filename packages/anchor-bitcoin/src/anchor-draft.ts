import { AnchorError, type JsonObject, type SignedAttempt } from '@wattproof/core/spi';
import type { AnchorOrder, Coin } from './anchor-wallet.js';
import type { Outpoint } from './change-chain.js';
import { bytesOf, hex } from './verify/block-header.js';

/** What an attempt is made from, and what it takes to tell its fate. */
export interface AnchorPlan extends Omit<AnchorOrder, 'feeSat'> {
  /** What led to the first coin, newest first: tells whether that coin can still come to be, after a reorganisation. */
  readonly via: readonly Outpoint[];
  /** Bytes of what nobody else sends again if the node drops it, oldest first: children, and what a child pays for. */
  readonly brings: readonly Uint8Array[];
}

export const keyOf = ({ txId, index }: Outpoint): string => `${txId}:${index}`;

/** A plan as JSON, for drafts and for the detail of attempts. */
export const planToJson = ({ coins, digest, lockTime, via, brings }: AnchorPlan): JsonObject => ({
  coins: coins.map(({ txId, index, valueSat, committed }) => ({
    tx_id: txId,
    index,
    value_sat: valueSat.toString(),
    ...(committed === undefined ? {} : { committed: hex(committed) }),
  })),
  ...(digest ? { digest: hex(digest) } : {}),
  lock_time: lockTime,
  via: via.map(({ txId, index }) => ({ tx_id: txId, index })),
  ...(brings.length > 0 ? { brings: brings.map(hex) } : {}),
});

/** Throws `invalid` on what `planToJson` did not make. */
export function planFromJson(json: JsonObject): AnchorPlan {
  const { coins, digest, lock_time: lockTime, via, brings = [] } = json;
  const bytes = bytesOf(digest);
  const brought = Array.isArray(brings) ? brings.map(bytesOf) : [undefined];
  if (
    !Array.isArray(coins) ||
    coins.length === 0 ||
    !Array.isArray(via) ||
    typeof lockTime !== 'number' ||
    (!bytes && digest !== undefined) ||
    !brought.every((one): one is Uint8Array => one !== undefined)
  )
    throw new AnchorError('invalid', 'The draft does not say what it spends and commits to.');
  return {
    coins: (coins as readonly JsonObject[]).map((coin) => {
      const { value_sat: valueSat } = coin;
      const committed = bytesOf(coin['committed']);
      if (typeof valueSat !== 'string' || !/^\d{1,16}$/.test(valueSat))
        throw new AnchorError('invalid', 'The draft does not say what a coin holds.');
      return {
        ...outpoint(coin),
        valueSat: BigInt(valueSat),
        ...(committed === undefined ? {} : { committed }),
      };
    }),
    digest: bytes,
    lockTime,
    via: (via as readonly JsonObject[]).map(outpoint),
    brings: brought,
  };
}

function outpoint({ tx_id: txId, index }: JsonObject): Outpoint {
  if (typeof txId !== 'string' || typeof index !== 'number')
    throw new AnchorError('invalid', 'The draft does not name the coin it spends.');
  return { txId, index };
}

export const planOf = (attempt: SignedAttempt): AnchorPlan => planFromJson(attempt.detail ?? {});

/** The coin that excludes other attempts. */
export const firstCoin = (attempt: SignedAttempt): Coin => planOf(attempt).coins[0] as Coin;
