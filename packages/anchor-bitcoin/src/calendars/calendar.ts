import { AnchorError } from '@wattproof/core/spi';
import { boundedAnswer } from '../bounded-answer.js';
import { hex } from '../verify/block-header.js';
import { OtsError } from '../verify/ots/ots-error.js';
import {
  attestationsOf,
  blockPaths,
  merged,
  type OtsTimestamp,
} from '../verify/ots/ots-timestamp.js';
import { readTimestamp } from '../verify/ots/read-ots.js';

/** What the reference client reads of an answer. */
const MAX_ANSWER_BYTES = 10_000;
/** A page for people. */
const MAX_PAGE_BYTES = 1024 * 1024;
/** A calendar promises one block, or another calendar's; each word of it costs questions of its own later. */
const MAX_ATTESTATIONS = 16;
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

  /** What has become of a promise: from its message to blocks, no further promises; undefined while it is pending. */
  async upgraded(message: Uint8Array, signal: AbortSignal): Promise<OtsTimestamp | undefined> {
    const { status, bytes } = await this.#ask(`/timestamp/${hex(message)}`, { signal });
    if (status === 404) return undefined;
    if (status !== 200) throw this.#refusal(`HTTP ${status} to a timestamp`);
    const paths = [...blockPaths(this.#read(bytes, message))].map(({ path }) => path);
    return paths.length > 0 ? paths.reduce(merged) : undefined;
  }

  /** Resolves when the calendar answers at all. */
  async reached(signal: AbortSignal): Promise<void> {
    const { status } = await this.#ask('/', { signal }, MAX_PAGE_BYTES);
    if (status >= 500) throw this.#refusal(`HTTP ${status}`);
  }

  #ask(
    path: string,
    init: RequestInit & { readonly signal: AbortSignal },
    maxBytes = MAX_ANSWER_BYTES,
  ) {
    const { timeoutMs, request } = this;
    const options = { timeoutMs, request, maxBytes };
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
      const timestamp = readTimestamp(bytes, message);
      const attestations = [...attestationsOf(timestamp)].length;
      if (attestations > MAX_ATTESTATIONS)
        throw new OtsError(`${attestations} attestations, more than ${MAX_ATTESTATIONS}`);
      return timestamp;
    } catch (cause) {
      if (cause instanceof OtsError) throw this.#refusal(cause.message, cause);
      throw cause;
    }
  }

  #refusal(what: string, cause?: unknown): AnchorError {
    return new AnchorError('unavailable', `Calendar ${this.url} answered ${what}.`, { cause });
  }
}
