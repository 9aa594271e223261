import { AnchorError } from '@wattproof/core/spi';

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
    let answer: { result?: T; error?: { code: number; message: string } | null };
    try {
      const response = await this.request(this.options.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...this.#authorization() },
        body: JSON.stringify({ jsonrpc: '1.0', id: (this.#id += 1), method, params: parameters }),
        signal: AbortSignal.any([signal, AbortSignal.timeout(this.options.timeoutMs)]),
      });
      if (response.status === 401 || response.status === 403) {
        throw new AnchorError(
          'unavailable',
          `The Bitcoin node refuses the credentials (HTTP ${response.status}). Check rpc.user and rpc.password.`,
        );
      }
      answer = (await response.json()) as typeof answer;
    } catch (cause) {
      if (cause instanceof AnchorError) throw cause;
      throw new AnchorError('unavailable', `The Bitcoin node did not answer ${method}.`, { cause });
    }
    if (answer.error) throw new RpcError(method, answer.error.code, answer.error.message);
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
