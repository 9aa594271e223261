import { type HttpSourceConfig, PLACEHOLDER } from './http-source.config.js';
import { SourceError } from './json-rows.js';
import { type Gap, MAX_WAIT_MS } from './source-state.js';

const decoder = new TextDecoder('utf-8', { fatal: true });

/** The answer of the source about a time, as text. Follows no redirect: another host is another source. Throws `SourceError`. */
export async function askSource(
  { url, headers, timeoutMs, maxBytes }: HttpSourceConfig,
  asked: Gap,
  nowMs: number,
  signal: AbortSignal,
): Promise<string> {
  const target = url.replaceAll(PLACEHOLDER, (_all, end: 'from' | 'to', form: string | undefined) =>
    encodeURIComponent(written(end === 'from' ? asked.fromMs : asked.toMs, form)),
  );
  let response: Response;
  try {
    response = await fetch(target, {
      headers: { accept: 'application/json', ...headers },
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    if (response.status !== 200) {
      // What nobody reads would hold the connection.
      await response.body?.cancel();
      const retryAfterMs = retryAfter(response, nowMs);
      const wait =
        retryAfterMs === undefined ? '' : `, to be asked again in ${retryAfterMs / 1000} s`;
      throw new SourceError(
        'source_status',
        `the source answered ${response.status}${wait}`,
        retryAfterMs === undefined ? {} : { retryAfterMs },
      );
    }
    return await boundedText(response, maxBytes);
  } catch (cause) {
    if (cause instanceof SourceError) throw cause;
    throw new SourceError('source_unreachable', `the source gave no answer: ${reasonOf(cause)}`, {
      cause,
    });
  }
}

/** Header Retry-After of a source that is asked too often, or is down (RFC 9110 §10.2.3): seconds, or a date. */
function retryAfter({ status, headers }: Response, nowMs: number): number | undefined {
  const text = headers.get('retry-after');
  if (text === null || ![429, 503].includes(status)) return undefined;
  const ms = /^\d{1,15}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  return ms > 0 ? Math.min(ms, MAX_WAIT_MS) : undefined;
}

function written(ms: number, form = 'iso'): string {
  if (form === 'iso') return new Date(ms).toISOString();
  return String(form === 'unix-s' ? Math.floor(ms / 1000) : ms);
}

async function boundedText(response: Response, maxBytes: number): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of response.body ?? []) {
    bytes += part.length;
    if (bytes > maxBytes) {
      throw new SourceError(
        'source_answer',
        `the answer is longer than ${maxBytes} bytes; ask for less with windowS`,
      );
    }
    parts.push(part);
  }
  try {
    return decoder.decode(Buffer.concat(parts));
  } catch (cause) {
    throw new SourceError('source_answer', 'the answer is not UTF-8', { cause });
  }
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? cause.message : message;
}
