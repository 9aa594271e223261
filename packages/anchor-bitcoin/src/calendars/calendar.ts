import { AnchorError } from '@wattproof/core/spi';
import { boundedAnswer } from '../bounded-answer.js';
import { hex } from '../verify/block-header.js';
import { OtsError } from '../verify/ots/ots-error.js';
import { attestationsOf, type OtsTimestamp } from '../verify/ots/ots-timestamp.js';
import { readTimestamp } from '../verify/ots/read-ots.js';

/** What the reference client reads of an answer. */
const MAX_ANSWER_BYTES = 10_000;
const MEDIA_TYPE = 'application/vnd.opentimestamps.v1';

/** One OpenTimestamps calendar: it aggregates digests of many people into one Bitcoin transaction. */
export class Calendar {
  constructor(
    readonly url: string,
    private readonly timeoutMs: number,
    private readonly request: typeof fetch = fetch,
  ) {}

  /** What the calendar promises of a digest: a path to what it will anchor. Sending it again is harmless. */
  async submit(digest: Uint8Array, signal: AbortSignal): Promise<OtsTimestamp> {
    const body = Uint8Array.from(digest);
    const answer = await this.#ask('/digest', { method: 'POST', body, signal });
    if (answer.status !== 200) throw this.#refusal(`HTTP ${answer.status} to a digest`);
    const timestamp = this.#read(answer.bytes, digest);
    if ([...attestationsOf(timestamp)].every(({ attestation: { kind } }) => kind === 'unknown'))
      throw this.#refusal('a timestamp that attests nothing known');
    return timestamp;
  }

  /** What has become of a promise: from its message to a block; undefined while it is pending. */
  async upgraded(message: Uint8Array, signal: AbortSignal): Promise<OtsTimestamp | undefined> {
    const { status, bytes } = await this.#ask(`/timestamp/${hex(message)}`, { signal });
    if (status === 404) return undefined;
    if (status !== 200) throw this.#refusal(`HTTP ${status} to a timestamp`);
    return this.#read(bytes, message);
  }

  /** Resolves when the calendar answers at all. */
  async reached(signal: AbortSignal): Promise<void> {
    const { status } = await this.#ask('/', { signal });
    if (status >= 500) throw this.#refusal(`HTTP ${status}`);
  }

  #ask(path: string, init: RequestInit & { readonly signal: AbortSignal }) {
    const { timeoutMs, request } = this;
    const options = { timeoutMs, request, maxBytes: MAX_ANSWER_BYTES };
    const headers = { accept: MEDIA_TYPE };
    return boundedAnswer(
      `Calendar ${this.url}`,
      `${this.url}${path}`,
      { ...init, headers },
      options,
    );
  }

  #read(bytes: Uint8Array, message: Uint8Array): OtsTimestamp {
    try {
      return readTimestamp(bytes, message);
    } catch (cause) {
      if (cause instanceof OtsError) throw this.#refusal(cause.message, cause);
      throw cause;
    }
  }

  #refusal(what: string, cause?: unknown): AnchorError {
    return new AnchorError('unavailable', `Calendar ${this.url} answered ${what}.`, { cause });
  }
}
