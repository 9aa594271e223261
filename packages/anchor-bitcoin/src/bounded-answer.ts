import { AnchorError } from '@wattproof/core/spi';

/** The ids of the fullest block are 1.5 MiB of JSON; a node that sends more than this does not answer, it floods. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

export interface Answer {
  readonly status: number;
  readonly bytes: Uint8Array;
}

/**
 * One HTTP exchange whose answer is read to its end, in time and up to a size. `who` names the server to a person. What goes
 * wrong on the way, overload and failures of the server (429, 5xx without a body that `keeps`) are `AnchorError('unavailable')`.
 */
export async function boundedAnswer(
  who: string,
  url: string,
  init: RequestInit & { readonly signal: AbortSignal },
  options: {
    readonly timeoutMs: number;
    readonly request?: typeof fetch;
    readonly maxBytes?: number;
  },
): Promise<Answer> {
  const { timeoutMs, request = fetch, maxBytes = MAX_ANSWER_BYTES } = options;
  const signal = AbortSignal.any([init.signal, AbortSignal.timeout(timeoutMs)]);
  try {
    // A redirect would take the request, with its credentials, to somebody nobody configured.
    const response = await request(url, { ...init, signal, redirect: 'error' });
    const parts: Uint8Array[] = [];
    let length = 0;
    for await (const part of response.body ?? []) {
      length += part.length;
      if (length > maxBytes)
        throw new AnchorError('unavailable', `${who} sends more than ${maxBytes} bytes; not read.`);
      parts.push(part);
    }
    return { status: response.status, bytes: Uint8Array.from(Buffer.concat(parts)) };
  } catch (cause) {
    if (cause instanceof AnchorError) throw cause;
    const why = signal.aborted && !init.signal.aborted ? ` within ${timeoutMs} ms` : '';
    throw new AnchorError('unavailable', `${who} did not answer${why}.`, { cause });
  }
}
