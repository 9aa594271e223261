import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly json: any;
}

/** An endpoint on this host that answers as it is told to. */
export class HookListener {
  readonly received: Received[] = [];
  connections = 0;
  /** Answers one request; default 204. */
  answer: (response: ServerResponse, received: Received) => void = (response) =>
    void response.writeHead(204).end();

  private readonly server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      const received = { headers: request.headers, body, json: body && JSON.parse(body) };
      this.received.push(received);
      this.answer(response, received);
    });
  });

  /** Binds `host`; resolves to the port. */
  async listen(host = '127.0.0.1', port = 0): Promise<number> {
    this.server.on('connection', () => (this.connections += 1));
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(port, host, resolve);
    });
    return this.port;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Types of the events that came, in order. */
  get types(): readonly string[] {
    return this.received.map(({ json }) => json.type);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => void this.server.close(resolve));
  }
}
