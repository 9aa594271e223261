import { describeTransport, type SendOutcome, type TransportClient } from '@wattproof/core/testing';
import plugin from '../src/index.js';
import { binaryFrame, type Said, TestClient } from './test-client.js';

const OUTCOMES: Readonly<Record<string, SendOutcome>> = {
  ack: 'ack',
  nack: 'refused',
  retry: 'retry',
};

function device(client: TestClient): TransportClient {
  let sent = 0;
  let commands = 0;
  const settled = async (id: string): Promise<SendOutcome> => {
    const said = await client.said((one) => one['id'] === id).catch(() => undefined);
    return said === undefined ? 'closed' : (OUTCOMES[said.type] ?? 'closed');
  };
  return {
    send(bytes) {
      const id = `r${(sent += 1)}`;
      client.socket.send(binaryFrame('json', id, bytes));
      return settled(id);
    },
    async sendGarbage() {
      client.socket.send('{"type":"readings","id":');
      client.socket.send(Buffer.of(0xff, 0x00, 0x80));
      // No frame of RFC 6455 has these reserved bits.
      (client.socket as unknown as { _socket: NodeJS.WritableStream })._socket.write(
        Buffer.alloc(64, 0x7f),
      );
      await client.closed;
    },
    cut: () => client.socket.terminate(),
    close: async () => void (await client.close()),
    async nextCommand() {
      const said: Said = (await client.count('command', commands + 1))[commands]!;
      commands += 1;
      return said['body'] as { id: string; nonce: string; name: string };
    },
    answer(bytes) {
      const id = `a${(sent += 1)}`;
      client.socket.send(`{"type":"answer","id":"${id}","body":${Buffer.from(bytes).toString()}}`);
      return settled(id);
    },
  };
}

describeTransport({
  plugin,
  config: { maxMessageBytes: 65_536 },
  refusedConfigs: [
    { path: 'ws' },
    { path: '/ws?key=1' },
    { allowedOrigins: ['example.org'] },
    { slowReader: 'wait' },
    { maxInFlight: 0 },
  ],
  oversizedBytes: 70_000,
  client: {
    async connect({ host }, { credential }) {
      if (credential.kind !== 'api-key') throw new Error('the kit shows keys');
      return device(await TestClient.withKey(`${host.http.url}/ws`, credential.key));
    },
  },
});
