import { AnchorError } from '@wattproof/core/spi';
import { toHex } from '@wattproof/core/verify';
import { z } from 'zod';
import type { TallyConfig } from './tally.config.js';
import { anchorErrorOf } from './tally.errors.js';

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const hex = z.string().regex(/^([0-9a-f]{2})+$/);
const amount = z
  .string()
  .regex(/^\d{1,30}$/)
  .transform((digits) => BigInt(digits));
const count = z.int().min(0);

const tipShape = z.object({ chain: z.string(), height: count, minimum_fee: amount });
const accountShape = z.object({ balance: amount, next_sequence: count });
const transactionShape = z.object({
  id: hash,
  bytes: hex,
  /** Absent while it waits. */
  block: z
    .object({ height: count, hash, time_ms: count, header: hex, index: count, path: z.array(hash) })
    .optional(),
});
const errorShape = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

export type LedgerTransaction = z.infer<typeof transactionShape>;
type Shape<T> = z.ZodType<T>;

/** The calls this anchor makes. Whatever goes wrong comes out as an `AnchorError`. */
export class TallyClient {
  constructor(
    private readonly config: Pick<TallyConfig, 'url' | 'chain' | 'timeoutMs'>,
    private readonly request: typeof fetch = fetch,
  ) {}

  /** Throws `unavailable` when the node is of another chain: nothing may be paid there. */
  async tip(signal: AbortSignal) {
    const tip = await this.#get(tipShape, '/tip', signal);
    if (tip.chain !== this.config.chain)
      throw new AnchorError(
        'unavailable',
        `${this.config.url} is a node of "${tip.chain}" and the configuration says "${this.config.chain}". Correct url or chain.`,
      );
    return { height: tip.height, minimumFee: tip.minimum_fee };
  }

  async account(id: string, signal: AbortSignal) {
    const found = await this.#get(accountShape, `/accounts/${id}`, signal);
    return { balance: found.balance, nextSequence: found.next_sequence };
  }

  async submit(bytes: Uint8Array, signal: AbortSignal): Promise<'accepted' | 'known'> {
    const init = { method: 'POST', body: JSON.stringify({ bytes: toHex(bytes) }) };
    const { known } = await this.#ask(
      z.object({ known: z.boolean() }),
      '/transactions',
      signal,
      init,
    );
    return known ? 'known' : 'accepted';
  }

  /** Waiting or in a block, or undefined. */
  async transaction(id: string, signal: AbortSignal): Promise<LedgerTransaction | undefined> {
    try {
      return await this.#get(transactionShape, `/transactions/${id}`, signal);
    } catch (error) {
      if (error instanceof AnchorError && error.reason === 'not-found') return undefined;
      throw error;
    }
  }

  /** Transactions of an account, oldest first, by sequence number or by memo. */
  async transactionsOf(
    account: string,
    by: { readonly sequence: number } | { readonly memo: string },
    signal: AbortSignal,
  ): Promise<readonly LedgerTransaction[]> {
    const query = 'memo' in by ? `memo=${by.memo}` : `sequence=${by.sequence}`;
    return this.#get(
      z.array(transactionShape),
      `/accounts/${account}/transactions?${query}`,
      signal,
    );
  }

  #get<T>(shape: Shape<T>, path: string, signal: AbortSignal): Promise<T> {
    return this.#ask(shape, path, signal, {});
  }

  async #ask<T>(shape: Shape<T>, path: string, signal: AbortSignal, init: RequestInit): Promise<T> {
    const { url, timeoutMs } = this.config;
    let status: number;
    let answer: unknown;
    try {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
      const response = await this.request(new URL(path, url), { ...init, signal: limit });
      ({ status } = response);
      answer = await response.json();
    } catch (cause) {
      throw new AnchorError('unavailable', `Tally at ${url} did not answer ${path}.`, { cause });
    }
    if (status >= 400) {
      const refusal = errorShape.safeParse(answer).data?.error;
      throw anchorErrorOf({ status, code: 'unknown', message: 'no reason given', ...refusal });
    }
    const read = shape.safeParse(answer);
    if (!read.success)
      throw new AnchorError(
        'unavailable',
        `Tally at ${url} answered ${path} with something else: ${z.prettifyError(read.error)}`,
      );
    return read.data;
  }
}
