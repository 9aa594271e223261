import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface RpcAnswer {
  readonly result?: any;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
}
/** Changes what the node answers to one call; undefined lets the answer pass. */
export type Interception = (
  method: string,
  params: readonly unknown[],
  answer: RpcAnswer,
) => RpcAnswer | undefined;

/** Where a node is asked, and what a test can close or make lie. */
export class Door {
  readonly #server: Server;
  #down = false;
  #intercept: Interception | undefined;
  #keep: ((method: string) => RpcAnswer | undefined) | undefined;

  private constructor(private readonly forward: (body: string) => Promise<string>) {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        this.#answer(Buffer.concat(chunks).toString()).then(
          (answer) => {
            if (answer === undefined) return void request.socket.destroy();
            response.setHeader('content-type', 'application/json');
            response.end(answer);
          },
          () => request.socket.destroy(),
        );
      });
    });
  }

  static async open(forward: (body: string) => Promise<string>): Promise<Door> {
    const door = new Door(forward);
    await new Promise<void>((resolve) => {
      door.#server.listen(0, '127.0.0.1', resolve);
    });
    return door;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  setDown(down: boolean): void {
    this.#down = down;
  }

  intercept(intercept: Interception | undefined): void {
    this.#intercept = intercept;
  }

  /** Answers calls itself that the node never hears of. */
  keep(keep: ((method: string) => RpcAnswer | undefined) | undefined): void {
    this.#keep = keep;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  async #answer(body: string): Promise<string | undefined> {
    if (this.#down) return undefined;
    if (this.#keep === undefined && this.#intercept === undefined) return this.forward(body);
    const { method, params } = JSON.parse(body) as { method: string; params: readonly unknown[] };
    const kept = this.#keep?.(method);
    if (kept !== undefined) return JSON.stringify({ jsonrpc: '2.0', id: 1, ...kept });
    const text = await this.forward(body);
    const changed = this.#intercept?.(method, params, JSON.parse(text) as RpcAnswer);
    return changed === undefined ? text : JSON.stringify({ jsonrpc: '2.0', id: 1, ...changed });
  }
}
