/** What a device with a buffer knows about its own messages: the history a durability check is made from. */
export interface DeviceHistory {
  /** logHash (hex) of every reading that the gateway acknowledged. */
  readonly acknowledged: Set<string>;
  readonly sent: number;
  readonly resent: number;
  readonly refused: readonly string[];
}

export interface BufferingDeviceOptions {
  /** The next message: an array of envelopes. Undefined ends the run. */
  readonly next: () => readonly object[] | undefined;
  /** Where the gateway listens now; waits while it is down. */
  readonly url: () => Promise<string>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Told after each answer how many readings it acknowledged. */
  readonly onAcknowledged?: (count: number) => void;
}

/**
 * Sends message after message and keeps each until it is acknowledged: the behaviour that the gateway promises
 * is enough to lose nothing. A broken connection or a 429/503 is followed by sending the same bytes again.
 */
export async function runBufferingDevice(options: BufferingDeviceOptions): Promise<DeviceHistory> {
  const acknowledged = new Set<string>();
  const refused: string[] = [];
  let sent = 0;
  let resent = 0;
  for (let message = options.next(); message !== undefined; message = options.next()) {
    const body = JSON.stringify(message);
    for (let tries = 0; ; tries += 1) {
      if (tries > 0) resent += 1;
      sent += 1;
      const items = await post(await options.url(), body, options.headers ?? {});
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

interface Item {
  readonly verdict: string;
  readonly reason?: string;
  readonly leaf_hash: string;
}

/** Undefined when nobody can know what became of the message. */
async function post(
  url: string,
  body: string,
  headers: Readonly<Record<string, string>>,
): Promise<readonly Item[] | undefined> {
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
    return (await response.json()) as Item[];
  } catch (cause) {
    if (cause instanceof TypeError && cause.message.startsWith('The gateway answered')) throw cause;
    return undefined;
  }
}
