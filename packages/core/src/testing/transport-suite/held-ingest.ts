import type { InboundMessage, Ingest, IngestAnswer, IngestItem } from '../../spi/index.js';

/** A message that came in and waits for what the test says of it. */
export class Arrival {
  readonly #answer = Promise.withResolvers<IngestAnswer>();
  /** What was answered; undefined while it is held back. */
  outcome: IngestAnswer['kind'] | 'failed' | undefined;

  constructor(
    readonly message: InboundMessage,
    readonly signal: AbortSignal | undefined,
  ) {}

  /** The message as text, for looking things up in it. */
  get text(): string {
    return new TextDecoder().decode(this.message.bytes);
  }
  get answered(): Promise<IngestAnswer> {
    return this.#answer.promise;
  }

  answer(answer: IngestAnswer): void {
    this.outcome ??= answer.kind;
    this.#answer.resolve(answer);
  }
  /** The store has committed it. */
  commit(items: readonly IngestItem[] = [ACCEPTED_ITEM]): void {
    this.answer({ kind: 'items', items });
  }
  /** Refused for good, as a whole. */
  refuse(code = 'not_json', detail = 'The message is not JSON. Send one envelope.'): void {
    this.answer({ kind: 'refused', code, detail });
  }
  /** Nothing was kept. */
  retryLater(retryAfterMs = 1): void {
    this.answer({ kind: 'retry', code: 'store_unavailable', retryAfterMs });
  }
  /** Nobody knows what became of it. */
  fail(error: Error = new Error('the disk is full')): void {
    this.outcome ??= 'failed';
    this.#answer.reject(error);
  }
}

export const ACCEPTED_ITEM: IngestItem = Object.freeze({
  id: 'log_1',
  leaf_hash: 'ab'.repeat(32),
  verdict: 'accepted',
  duplicate: false,
  receipt: null,
});

/** A gateway that answers when, and what, the test says. Nothing is answered until then, or by the rule that was given. */
export class HeldIngest implements Ingest {
  /** Everything that came in, in order. */
  readonly arrivals: Arrival[] = [];
  readonly #taken = new Set<Arrival>();
  #rule: (arrival: Arrival) => void = () => {};
  #changed = Promise.withResolvers<void>();

  accept(message: InboundMessage, signal?: AbortSignal): Promise<IngestAnswer> {
    const arrival = new Arrival(message, signal);
    this.arrivals.push(arrival);
    this.#rule(arrival);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
    return arrival.answered;
  }

  /** What happens to each message as it comes in, from now on: `(arrival) => arrival.commit()`. A rule may hold some back. */
  answerBy(rule: (arrival: Arrival) => void): void {
    this.#rule = rule;
  }

  /** The next message with this text in it (or any) that no test has taken yet; waits for it. */
  async arrival(text = ''): Promise<Arrival> {
    for (;;) {
      const found = this.arrivals.find(
        (arrival) => !this.#taken.has(arrival) && arrival.text.includes(text),
      );
      if (found) {
        this.#taken.add(found);
        return found;
      }
      await this.#changed.promise;
    }
  }

  /** Every time the text came in. */
  withText(text: string): readonly Arrival[] {
    return this.arrivals.filter((arrival) => arrival.text.includes(text));
  }
}
