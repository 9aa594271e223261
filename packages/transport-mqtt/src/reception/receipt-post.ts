import { createHash } from 'node:crypto';
import type { IngestAnswer, Logger } from '@wattproof/core/spi';
import type { Link } from '../link.js';

type Told = Extract<IngestAnswer, { readonly kind: 'items' | 'refused' }>;

/**
 * Tells devices what became of their messages. Receipts that the link cannot take are dropped and counted: the device sends its reading
 * again and gets the same receipt.
 */
export class ReceiptPost {
  #underWay = 0;
  #published = 0;
  #dropped = 0;

  constructor(
    private readonly link: Pick<Link, 'publish'>,
    /** Receipts that may wait for the link at once. */
    private readonly maxUnderWay: number,
    private readonly logger: Logger,
  ) {}

  /** `message` in the receipt is the SHA-256 of the payload: a device knows its messages by it. */
  tell(topic: string, payload: Uint8Array, answer: Told): void {
    if (this.#underWay >= this.maxUnderWay) {
      this.#dropped += 1;
      return;
    }
    const message = createHash('sha256').update(payload).digest('hex');
    const receipt =
      answer.kind === 'items'
        ? { message, items: answer.items }
        : { message, refused: { code: answer.code, detail: answer.detail } };
    this.#underWay += 1;
    void this.#publish(topic, JSON.stringify(receipt)).finally(() => (this.#underWay -= 1));
  }

  async #publish(topic: string, text: string): Promise<void> {
    try {
      if ((await this.link.publish(topic, text, { qos: 1 })) === 'sent') this.#published += 1;
      else this.#dropped += 1;
    } catch (error) {
      this.#dropped += 1;
      this.logger.debug('A receipt was not published.', { topic, error: String(error) });
    }
  }

  get facts(): Record<string, number> {
    return { receiptsPublished: this.#published, receiptsDropped: this.#dropped };
  }
}
