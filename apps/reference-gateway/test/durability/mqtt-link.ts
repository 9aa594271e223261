import { randomBytes } from 'node:crypto';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import type { AnsweredItem } from '@wattproof/core/testing';
import { allAccepted, type ConnectDevice, type DeviceLink } from './device-link.js';

/** MQTT 5.0, 3.4.2.1: from here on a PUBACK refuses; 0x97 only for now. */
const FAILURE = 0x80;
const QUOTA_EXCEEDED = 0x97;

/** Devices that log in with a signature of their key and keep a message until its PUBACK: 3.1.1 or 5 of the protocol. */
export const mqttLink =
  (protocolVersion: 4 | 5): ConnectDevice =>
  async ({ meter, device }, { port, origin }) =>
    new MqttLink(`wattproof/v1/${meter.meterId}/readings`, () => {
      const challenge = `${Date.now()}.${randomBytes(16).toString('hex')}`;
      return {
        port,
        protocolVersion,
        clientId: meter.meterId,
        username: device.keyId,
        password: `${challenge}.${device.signConnect(origin, challenge)}`,
      };
    });

/** Devices of any broker on that port; whatever acknowledges is believed. */
export const plainMqttLink: ConnectDevice = async ({ meter }, { port }) =>
  new MqttLink(`wattproof/v1/${meter.meterId}/readings`, () => ({ port, clientId: meter.meterId }));

class MqttLink implements DeviceLink {
  #client: MqttClient | undefined;

  constructor(
    private readonly topic: string,
    private readonly options: () => IClientOptions,
  ) {}

  async send(
    body: string,
    message: readonly object[],
  ): Promise<readonly AnsweredItem[] | undefined> {
    const client = await this.#connected();
    const reason = client && (await published(client, this.topic, body));
    if (reason === undefined || reason === QUOTA_EXCEEDED) return undefined;
    if (reason >= FAILURE) throw new Error(`The gateway answered PUBACK 0x${reason.toString(16)}.`);
    return allAccepted(message);
  }

  async close(): Promise<void> {
    await this.#client?.endAsync(true);
  }

  /** A client of its own for each connection: nothing is sent again but by the device. */
  async #connected(): Promise<MqttClient | undefined> {
    if (this.#client?.connected) return this.#client;
    this.#client?.end(true);
    const client = mqtt.connect({
      host: '127.0.0.1',
      clean: true,
      reconnectPeriod: 0,
      connectTimeout: 10_000,
      ...this.options(),
    });
    this.#client = client;
    const connected = await new Promise<boolean>((resolve) => {
      client.once('connect', () => resolve(true));
      client.once('close', () => resolve(false));
      client.on('error', () => resolve(false));
    });
    return connected ? client : undefined;
  }
}

/** The reason of the PUBACK; undefined when the connection ended before. */
function published(client: MqttClient, topic: string, body: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    client.once('close', () => resolve(undefined));
    client.publish(topic, body, { qos: 1 }, (error, packet) => {
      const { reasonCode } = (packet ?? {}) as { readonly reasonCode?: number };
      if (error) resolve((error as { readonly code?: number }).code);
      else resolve(reasonCode ?? 0);
    });
  });
}
