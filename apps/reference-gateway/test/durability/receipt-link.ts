import { createHash } from 'node:crypto';
import mqtt, { type MqttClient } from 'mqtt';
import type { AnsweredItem } from '@wattproof/core/testing';
import type { ConnectDevice, DeviceLink } from './device-link.js';

/** A device sends a message again when no receipt came for so long: nobody promises one. */
const RECEIPT_WITHIN_MS = 3_000;

/** Devices behind a broker that is not ours: its PUBACK says nothing, so a message is kept until its receipt. */
export const receiptLink: ConnectDevice = async ({ meter }, { port }) => {
  const client = mqtt.connect({
    host: '127.0.0.1',
    port,
    clientId: meter.meterId,
    reconnectPeriod: 100,
    // Nothing is sent again but by the device.
    clean: true,
    queueQoSZero: false,
  });
  client.on('error', () => {});
  return new ReceiptLink(client, `wattproof/v1/${meter.meterId}`);
};

interface Receipt {
  readonly message: string;
  readonly items?: readonly AnsweredItem[];
  readonly refused?: { readonly code: string; readonly detail: string };
}

class ReceiptLink implements DeviceLink {
  readonly #waiting = new Map<string, (receipt: Receipt) => void>();

  constructor(
    private readonly client: MqttClient,
    private readonly topic: string,
  ) {
    client.on('connect', () => client.subscribe(`${topic}/receipts`, { qos: 1 }));
    client.on('message', (_topic, payload) => {
      const receipt = JSON.parse(payload.toString()) as Receipt;
      this.#waiting.get(receipt.message)?.(receipt);
    });
  }

  async send(body: string): Promise<readonly AnsweredItem[] | undefined> {
    const message = createHash('sha256').update(body).digest('hex');
    const receipt = await new Promise<Receipt | undefined>((resolve) => {
      const late = setTimeout(() => resolve(undefined), RECEIPT_WITHIN_MS);
      this.#waiting.set(message, (came) => {
        clearTimeout(late);
        resolve(came);
      });
      this.client.publish(`${this.topic}/readings`, body, { qos: 1 });
    });
    this.#waiting.delete(message);
    if (receipt?.refused) throw new Error(`Refused: ${JSON.stringify(receipt.refused)}`);
    return receipt?.items;
  }

  async close(): Promise<void> {
    await this.client.endAsync(true);
  }
}
