import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A way to a node that only opens and closes: bytes pass as they are, which costs a fifth of reading each call. */
export class PlainDoor {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #down = false;

  private constructor(port: number) {
    this.#server = createServer({ noDelay: true }, (client) => {
      const node = connect({ port, host: '127.0.0.1', noDelay: true });
      const hangUp = (): void => {
        client.destroy();
        node.destroy();
        this.#sockets.delete(client);
      };
      this.#sockets.add(client);
      for (const socket of [client, node]) socket.on('error', hangUp).on('close', hangUp);
      node.on('data', (bytes) => client.write(bytes));
      client.on('data', (bytes) => {
        if (this.#down) hangUp();
        else node.write(bytes);
      });
    });
  }

  static async open(port: number): Promise<PlainDoor> {
    const door = new PlainDoor(port);
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

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }
}
