import { once } from 'node:events';
import { type ClientOptions, WebSocket } from 'ws';

export interface Said {
  readonly type: string;
  readonly [name: string]: unknown;
}

/** A client that keeps what it hears. */
export class TestClient {
  readonly heard: Said[] = [];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  private changed = Promise.withResolvers<void>();
  private sent = 0;
  end: { readonly code: number; readonly reason: string } | undefined;

  constructor(readonly socket: WebSocket) {
    socket.on('error', () => undefined);
    socket.on('message', (data: Buffer) => {
      this.heard.push(JSON.parse(data.toString()) as Said);
      this.tell();
    });
    this.closed = new Promise((resolve) => {
      socket.once('close', (code, reason) => {
        this.end = { code, reason: reason.toString() };
        resolve(this.end);
        this.tell();
      });
    });
  }

  /** Rejects with the HTTP status when the handshake is refused. */
  static async open(
    url: string,
    options: ClientOptions & { readonly protocols?: readonly string[] } = {},
  ): Promise<TestClient> {
    const { protocols = ['wattproof.v1'], ...rest } = options;
    const socket = new WebSocket(url.replace(/^http/, 'ws'), [...protocols], rest);
    const client = new TestClient(socket);
    const refused = Promise.withResolvers<never>();
    socket.once('unexpected-response', (_request, response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () =>
        refused.reject(new Refused(response.statusCode ?? 0, body, response.headers)),
      );
    });
    await Promise.race([once(socket, 'open'), refused.promise]);
    return client;
  }

  /** A device that shows its key when it connects. */
  static withKey(url: string, key: string, options: ClientOptions = {}): Promise<TestClient> {
    return TestClient.open(url, { headers: { 'x-api-key': key }, ...options });
  }

  say(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  /** Sends a message with an id of its own and waits for what is said of it. */
  ask(message: object): Promise<Said> {
    const id = `m${(this.sent += 1)}`;
    this.say({ ...message, id });
    return this.said((said) => said['id'] === id);
  }

  async said(is: ((said: Said) => boolean) | string): Promise<Said> {
    for (;;) {
      const found = this.heard.find((said) =>
        typeof is === 'string' ? said.type === is : is(said),
      );
      if (found) return found;
      if (this.end) throw new Error(`closed with ${this.end.code} ${this.end.reason}`);
      await this.changed.promise;
    }
  }

  /** Waits until it has heard so many of them. */
  async count(type: string, many: number): Promise<readonly Said[]> {
    for (;;) {
      const found = this.heard.filter((said) => said.type === type);
      if (found.length >= many) return found;
      if (this.end) throw new Error(`closed with ${this.end.code} ${this.end.reason}`);
      await this.changed.promise;
    }
  }

  close(): Promise<unknown> {
    this.socket.close(1000);
    return this.closed;
  }

  private tell(): void {
    this.changed.resolve();
    this.changed = Promise.withResolvers();
  }
}

export class Refused extends Error {
  readonly code: string;

  constructor(
    readonly status: number,
    body: string,
    readonly headers: Readonly<Record<string, unknown>>,
  ) {
    super(`${status} ${body}`);
    this.code = body === '' ? '' : String((JSON.parse(body) as { code?: unknown }).code);
  }
}

const KINDS = { json: 1, ndjson: 2, cose: 3, ocmf: 4 } as const;

export function binaryFrame(kind: keyof typeof KINDS, id: string, body: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(KINDS[kind], id.length), Buffer.from(id), body]);
}
