import type { CollectionDeclaration, Collections, JsonObject } from '@wattproof/core/spi';
import { bytesOf, hex } from './verify/block-header.js';

export const COMMITMENTS: CollectionDeclaration = {
  name: 'commitments',
  version: 1,
  indexes: ['place'],
};

const PAGE = 20;
const ORDER_DIGITS = 10;

/** One transaction that was signed, whether or not the ledger ever saw it. */
export interface SignedCommitment {
  readonly txId: string;
  /** What its output's key is tweaked with; left out: the output is at the wallet's own address. */
  readonly digest?: Uint8Array;
  /** The first coin it spends, `txid:index`. */
  readonly spends: string;
  /** Its place in the chain of change, from 1; attempts on one coin share it. */
  readonly order: number;
}

/** What every tweaked output was tweaked with: without it nobody finds or spends the coin, so it is durable before anything is sent. */
export class CommitmentBook {
  /** `key` is the wallet's, in hex: with another one another chain begins. */
  constructor(
    private readonly collections: Collections,
    private readonly key: string,
  ) {}

  async of(txId: string): Promise<SignedCommitment | undefined> {
    const stored = await this.collections.get(COMMITMENTS.name, txId);
    return stored && read(txId, stored.value);
  }

  async keep({ txId, digest, spends, order }: SignedCommitment): Promise<void> {
    const place = `${this.key}/${order.toString().padStart(ORDER_DIGITS, '0')}`;
    const value = { place, spends, ...(digest === undefined ? {} : { digest: hex(digest) }) };
    await this.collections.put(COMMITMENTS.name, txId, value);
  }

  async *newestFirst(): AsyncGenerator<SignedCommitment> {
    let cursor: string | undefined;
    do {
      const page = await this.collections.range(COMMITMENTS.name, {
        by: 'place',
        from: `${this.key}/`,
        to: `${this.key}/~`,
        reverse: true,
        limit: PAGE,
        ...(cursor === undefined ? {} : { cursor }),
      });
      for (const { key, value } of page.items) yield read(key, value);
      cursor = page.cursor;
    } while (cursor !== undefined);
  }
}

function read(txId: string, { digest, spends, place }: JsonObject): SignedCommitment {
  const bytes = bytesOf(digest);
  return {
    txId,
    spends: spends as string,
    order: Number((place as string).split('/')[1]),
    ...(bytes ? { digest: bytes } : {}),
  };
}
