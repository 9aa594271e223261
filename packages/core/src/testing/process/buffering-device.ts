/** What a device with a buffer knows about its own messages: the history a durability check is made from. */
export interface DeviceHistory {
  /** logHash (hex) of every reading that the gateway acknowledged. */
  readonly acknowledged: Set<string>;
  readonly sent: number;
  readonly resent: number;
  readonly refused: readonly string[];
}

/** What a message was answered with, for each of its readings. */
export interface AnsweredItem {
  readonly verdict: string;
  readonly reason?: string;
  readonly leaf_hash: string;
}

interface KeepingDeviceOptions {
  /** The next message: an array of envelopes. Undefined ends the run. */
  readonly next: () => readonly object[] | undefined;
  /** Told after each answer how many readings it acknowledged. */
  readonly onAcknowledged?: (count: number) => void;
}

export interface BufferingDeviceOptions extends KeepingDeviceOptions {
  /** Where the gateway listens now; waits while it is down. */
  readonly url: () => Promise<string>;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface SendingDeviceOptions extends KeepingDeviceOptions {
  /** Sends these bytes over whatever protocol. Undefined when nobody can know what became of them. */
  readonly send: (
    body: string,
    message: readonly object[],
  ) => Promise<readonly AnsweredItem[] | undefined>;
}

/** Keeps each message until a gateway acknowledged it over HTTP. A broken connection or a 429/503 is no answer. */
export function runBufferingDevice(options: BufferingDeviceOptions): Promise<DeviceHistory> {
  const { url, headers = {}, ...kept } = options;
  return runSendingDevice({ ...kept, send: async (body) => post(await url(), body, headers) });
}

/**
 * Sends message after message and keeps each until it is acknowledged, by sending the same bytes again: the behaviour
 * that the gateway promises is enough to lose nothing.
 */
export async function runSendingDevice(options: SendingDeviceOptions): Promise<DeviceHistory> {
  const acknowledged = new Set<string>();
  const refused: string[] = [];
  let sent = 0;
  let resent = 0;
  for (let message = options.next(); message !== undefined; message = options.next()) {
    const body = JSON.stringify(message);
    for (let tries = 0; ; tries += 1) {
      if (tries > 0) resent += 1;
      sent += 1;
      const items = await options.send(body, message);
      if (items === undefined) continue;
      for (const item of items) {
        if (item.verdict === 'rejected') refused.push(item.reason ?? 'unknown');
        else acknowledged.add(item.leaf_hash);
      }
      options.onAcknowledged?.(items.length);
      break;
    }
  }
  return { acknowledged, sent, resent, refused };
}

/** Undefined when nobody can know what became of the message. */
async function post(
  url: string,
  body: string,
  headers: Readonly<Record<string, string>>,
): Promise<readonly AnsweredItem[] | undefined> {
  try {
    const response = await fetch(`${url}/api/v1/readings`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    });
    if (response.status !== 200) {
      const text = await response.text();
      if (response.status === 429 || response.status === 503) return undefined;
      throw new TypeError(`The gateway answered ${response.status}: ${text.slice(0, 300)}`);
    }
    return (await response.json()) as AnsweredItem[];
  } catch (cause) {
    if (cause instanceof TypeError && cause.message.startsWith('The gateway answered')) throw cause;
    return undefined;
  }
}
