import { AnchorError } from '@wattproof/core/spi';

/** A refusal by the node itself, in its own words. */
export class RpcError extends Error {
  override readonly name = 'RpcError';

  constructor(
    readonly method: string,
    readonly code: number,
    message: string,
    readonly data?: unknown,
  ) {
    super(message);
  }
}

export interface RpcOptions {
  readonly url: string;
  readonly timeoutMs: number;
  /** Sent with every call: an access token. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** The receipts of the fullest block are some 20 MB of JSON; a node that sends more does not answer, it floods. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/**
 * JSON-RPC of an execution client, asked anew every time: nothing is cached, so that a reorganisation is seen at once. A node
 * that does not answer, or not in JSON-RPC, is `AnchorError('unavailable')`; a refusal is an `RpcError`.
 */
export class EvmRpc {
  #id = 0;

  constructor(
    private readonly options: RpcOptions,
    private readonly request: typeof fetch = fetch,
  ) {}

  async call(method: string, params: readonly unknown[], signal: AbortSignal): Promise<unknown> {
    const { url, headers, timeoutMs } = this.options;
    let answer: unknown;
    try {
      const response = await this.request(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ jsonrpc: '2.0', id: (this.#id += 1), method, params }),
        // It would take the call, with its credentials, to somebody nobody configured.
        redirect: 'error',
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      });
      if (response.status === 401 || response.status === 403)
        throw new AnchorError(
          'unavailable',
          `The EVM node refuses access (HTTP ${response.status}). Check rpc.url and rpc.headers.`,
        );
      answer = JSON.parse(await textOf(response, method)) as unknown;
    } catch (cause) {
      if (cause instanceof AnchorError) throw cause;
      throw new AnchorError(
        'unavailable',
        `The EVM node at ${hostOf(url)} did not answer ${method}.`,
        { cause },
      );
    }
    return resultOf(method, answer);
  }
}

async function textOf(response: Response, method: string): Promise<string> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of response.body ?? []) {
    length += part.length;
    if (length > MAX_ANSWER_BYTES)
      throw new AnchorError(
        'unavailable',
        `The EVM node's answer to ${method} has more than ${MAX_ANSWER_BYTES} bytes; not read.`,
      );
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

/** Without path and query, where providers have the access token. */
export const hostOf = (url: string): string => new URL(url).host;

function resultOf(method: string, answer: unknown): unknown {
  const { result, error } = (typeof answer === 'object' && answer !== null ? answer : {}) as {
    result?: unknown;
    error?: { code?: unknown; message?: unknown; data?: unknown } | null;
  };
  if (error !== undefined && error !== null)
    throw new RpcError(method, Number(error.code), String(error.message), error.data);
  if (result === undefined)
    throw new AnchorError('unavailable', `The EVM node's answer to ${method} is not JSON-RPC.`);
  return result;
}
