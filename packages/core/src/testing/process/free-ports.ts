import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/**
 * Below the ports that systems give to connections and to servers that ask for any (RFC 6335: from 49152; Linux: from
 * 32768), so that no such program is on one of these by the time it is used, or used again after a stop.
 */
const FIRST = 20_000;
const BEHIND_LAST = 30_000;

/** Ports of 127.0.0.1 that nobody listens on now, all different; for servers that cannot be told to take any. */
export async function freePorts(count: number): Promise<number[]> {
  const held = new Map<number, Server>();
  try {
    while (held.size < count) {
      const port = randomInt(FIRST, BEHIND_LAST);
      const server = createServer();
      const listening = once(server, 'listening').then(
        () => true,
        () => false,
      );
      server.listen(port, '127.0.0.1');
      if (await listening) held.set(port, server);
    }
    return [...held.keys()];
  } finally {
    await Promise.all(
      [...held.values()].map(
        (server) =>
          new Promise<void>((closed) => {
            server.close(() => closed());
          }),
      ),
    );
  }
}

export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  return port as number;
}
