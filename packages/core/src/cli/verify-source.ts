import { createReadStream } from 'node:fs';

/** How long an address may take in all, headers and body. */
export const DOWNLOAD_TIMEOUT_MS = 30_000;

export interface SourceReading {
  readonly fetch: typeof fetch;
  readonly timeoutMs: number;
}

/**
 * Reads a file, or an http(s) address, of at most `maxBytes`. An address is asked only when the caller names one; what is longer is
 * refused while it comes in, not after it has filled the memory. Throws with the source, what was wrong and what to do.
 */
export async function readSource(
  source: string,
  maxBytes: number,
  { fetch: ask, timeoutMs }: SourceReading = { fetch, timeoutMs: DOWNLOAD_TIMEOUT_MS },
): Promise<Uint8Array> {
  if (!/^https?:\/\//.test(source)) return readBounded(createReadStream(source), source, maxBytes);
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const response = await ask(source, { signal });
    if (!response.ok) throw new Error(`${source} answered ${response.status}`);
    if (Number(response.headers.get('content-length')) > maxBytes) throw tooLarge(source, maxBytes);
    return await readBounded(response.body ?? [], source, maxBytes);
  } catch (cause) {
    // fetch says only that it failed; why is in its cause.
    const reason = (cause as { readonly cause?: { readonly message?: string } }).cause?.message;
    if (!signal.aborted && reason !== undefined)
      throw new Error(`${source} cannot be reached: ${reason}`, { cause });
    if (!signal.aborted) throw cause;
    throw new Error(
      `${source} did not answer in full within ${timeoutMs} ms; download it and give the file`,
      { cause },
    );
  }
}

async function readBounded(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  source: string,
  maxBytes: number,
): Promise<Uint8Array> {
  const kept: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.length;
    if (length > maxBytes) throw tooLarge(source, maxBytes);
    kept.push(chunk);
  }
  return new Uint8Array(Buffer.concat(kept));
}

function tooLarge(source: string, maxBytes: number): Error {
  return new Error(`${source} is larger than ${maxBytes} bytes`);
}
