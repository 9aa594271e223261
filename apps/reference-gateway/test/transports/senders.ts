import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import mqtt, { type IDisconnectPacket, type MqttClient } from 'mqtt';
import { WebSocket } from 'ws';
import type { TestGateway } from '@wattproof/core/testing';
import type { KnownDevice } from './known-device.js';

/** Something sent, and what its sender was told in the words of the protocol. */
export interface Sender {
  /** One message as a reading of the device. */
  readings(bytes: Uint8Array): Promise<string>;
  /** The same where another device speaks. */
  readingsAs(other: KnownDevice, bytes: Uint8Array): Promise<string>;
  /** Where nothing is taken. */
  elsewhere(bytes: Uint8Array): Promise<string>;
  /** What nobody says who speaks the protocol. */
  noProtocol(): Promise<string>;
  close(): void;
}
export type OpenSender = (
  gateway: TestGateway,
  device: KnownDevice,
  mqttPort: number,
) => Promise<Sender>;

const GARBAGE = Buffer.from([0xf7, 0xff, 0xff, 0xff, 0xff, 0x00, 0x0a, 0x0a]);

/** HTTP: status and code. */
export const httpSender: OpenSender = async ({ url }, device) => {
  const post = async (path: string, body: Uint8Array): Promise<string> => {
    const response = await fetch(`${url}/api/v1/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': device.key },
      body: Buffer.from(body),
    });
    const text = await response.text();
    const told = JSON.parse(text) as { readonly code?: string; readonly verdict?: string };
    return `${response.status} ${told.code ?? told.verdict ?? ''}`.trim();
  };
  return {
    readings: (bytes) => post('readings', bytes),
    readingsAs: (_other, bytes) => post('readings', bytes),
    elsewhere: (bytes) => post('nowhere', bytes),
    async noProtocol() {
      const socket = connectTcp(Number(new URL(url).port), '127.0.0.1');
      socket.write(GARBAGE);
      let answer = '';
      socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
      await once(socket, 'close');
      return /^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 'closed';
    },
    close() {},
  };
};

const hex = (code: number): string => `0x${code.toString(16).padStart(2, '0')}`;

/** MQTT: the reason of PUBACK or DISCONNECT, `closed` without one. */
export const mqttSender =
  (protocolVersion: 4 | 5): OpenSender =>
  async (_gateway, device, port) => {
    const client = await mqtt.connectAsync({
      host: '127.0.0.1',
      port,
      protocolVersion,
      reconnectPeriod: 0,
      username: device.id,
      password: device.key,
    });
    client.on('error', () => {});
    const ended = endOf(client);
    const publish = (topic: string, bytes: Uint8Array): Promise<string> =>
      Promise.race([
        ended,
        new Promise<string>((resolve) => {
          client.publish(topic, Buffer.from(bytes), { qos: 1 }, (error, packet) => {
            if (error && !('code' in error)) return; // the connection's end says why
            const code =
              (error as { readonly code?: number } | undefined)?.code ??
              (packet as { readonly reasonCode?: number } | undefined)?.reasonCode ??
              0;
            resolve(`PUBACK ${hex(code)}`);
          });
        }),
      ]);
    return {
      readings: (bytes) => publish(`wattproof/v1/${device.id}/readings`, bytes),
      readingsAs: (other, bytes) => publish(`wattproof/v1/${other.id}/readings`, bytes),
      elsewhere: (bytes) => publish('somebody/else', bytes),
      noProtocol() {
        client.stream.write(GARBAGE);
        return ended;
      },
      close: () => void client.end(true),
    };
  };

/** What the broker said last. */
function endOf(client: MqttClient): Promise<string> {
  return new Promise((resolve) => {
    let said = 'closed';
    client.on('disconnect', ({ reasonCode }: IDisconnectPacket) => {
      said = `DISCONNECT ${hex(reasonCode ?? 0)}`;
    });
    client.once('close', () => resolve(said));
  });
}

/** WebSocket: the type and code of the answer, or the code of the close. */
export const wsSender: OpenSender = async ({ url }, device) => {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`, 'wattproof.v1', {
    headers: { 'x-api-key': device.key },
  });
  await once(socket, 'message'); // hello
  socket.on('error', () => {});
  const told = (): Promise<string> =>
    new Promise((resolve) => {
      socket.once('close', (code) => resolve(`close ${code}`));
      socket.once('message', (data: Buffer) => {
        const { type, code, items } = JSON.parse(data.toString()) as {
          readonly type: string;
          readonly code?: string;
          readonly items?: readonly { readonly verdict: string; readonly reason?: string }[];
        };
        resolve(`${type} ${code ?? items?.[0]?.reason ?? items?.[0]?.verdict ?? ''}`.trim());
      });
    });
  const send = (bytes: Uint8Array): Promise<string> => {
    const answer = told();
    // Kind 1: JSON, with the bytes as they are behind an id.
    socket.send(Buffer.concat([Buffer.from([1, 1]), Buffer.from('a'), bytes]));
    return answer;
  };
  return {
    readings: send,
    readingsAs: (_other, bytes) => send(bytes),
    elsewhere(bytes) {
      const answer = told();
      socket.send(`{"type":"elsewhere","id":"a","body":${Buffer.from(bytes).toString()}}`);
      return answer;
    },
    noProtocol() {
      const answer = told();
      (socket as unknown as { _socket: { write(bytes: Buffer): void } })._socket.write(GARBAGE);
      return answer;
    },
    close: () => socket.terminate(),
  };
};
