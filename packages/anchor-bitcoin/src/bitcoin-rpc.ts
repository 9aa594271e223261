import { AnchorError } from '@wattproof/core/spi';
import { boundedAnswer } from './bounded-answer.js';

/** A refusal by the node itself, with its own code. */
export class RpcError extends Error {
  override readonly name = 'RpcError';

  constructor(
    readonly method: string,
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

export interface RpcOptions {
  readonly url: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly timeoutMs: number;
}

/** The calls this anchor makes of a node. Transport failures are `AnchorError('unavailable')`. */
export class BitcoinRpc {
  #id = 0;

  constructor(
    private readonly options: RpcOptions,
    private readonly request: typeof fetch = fetch,
  ) {}

  async call<T>(method: string, parameters: readonly unknown[], signal: AbortSignal): Promise<T> {
    let answer: RpcAnswer;
    try {
      const who = 'The Bitcoin node';
      const init = {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...this.#authorization() },
        body: JSON.stringify({ jsonrpc: '1.0', id: (this.#id += 1), method, params: parameters }),
        signal,
      };
      const { url, timeoutMs } = this.options;
      const { status, bytes } = await boundedAnswer(who, url, init, {
        timeoutMs,
        request: this.request,
      });
      if (status === 401 || status === 403) {
        throw new AnchorError(
          'unavailable',
          `The Bitcoin node refuses the credentials (HTTP ${status}). Check rpc.user and rpc.password.`,
        );
      }
      answer = readAnswer(bytes, status);
    } catch (cause) {
      if (cause instanceof AnchorError) throw cause;
      throw new AnchorError('unavailable', `The Bitcoin node did not answer ${method}.`, { cause });
    }
    const { error } = answer;
    if (error) throw new RpcError(method, error.code, error.message.slice(0, 500));
    return answer.result as T;
  }

  #authorization(): Record<string, string> {
    const { user, password } = this.options;
    if (user === undefined && password === undefined) return {};
    return {
      authorization: `Basic ${Buffer.from(`${user ?? ''}:${password ?? ''}`).toString('base64')}`,
    };
  }
}

interface RpcAnswer {
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string } | null | undefined;
}

/** A node that is overloaded, or no node at all, answers with something else than JSON-RPC. */
function readAnswer(bytes: Uint8Array, status: number): RpcAnswer {
  try {
    const answer = JSON.parse(Buffer.from(bytes).toString('utf8')) as Partial<RpcAnswer> | null;
    const { error, result } = answer ?? {};
    // Core sends its refusals with status 404 and 500.
    if (typeof error?.code === 'number' && typeof error.message === 'string') return { error };
    if (status === 200 && result !== undefined && (error ?? null) === null) return { result };
  } catch (cause) {
    throw new AnchorError(
      'unavailable',
      `The Bitcoin node answered HTTP ${status} without JSON-RPC.`,
      {
        cause,
      },
    );
  }
  throw new AnchorError(
    'unavailable',
    `The Bitcoin node answered HTTP ${status} without a result.`,
  );
}
