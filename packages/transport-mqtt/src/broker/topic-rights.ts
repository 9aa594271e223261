import type { Caller, Callers } from '@wattproof/core/spi';
import type { TopicMaps } from '../topics/topic-maps.js';

/** SUBACK: granted, or why not (MQTT 5.0, 3.9.3; 3.1.1 knows 0x80 alone). */
export type SubscriptionVerdict = 'granted' | 0x87 | 0x8f | 0x9e;

/** All that concerns one device, on our own topics: the only wildcards there are. */
const ALL_OF_DEVICE = /^wattproof\/v1\/([^/+#]+)\/[+#]$/;

/**
 * What a connection may write and read: what the caller's own devices say, and what the gateway says to them, named device by
 * device.
 */
export class TopicRights {
  constructor(
    private readonly maps: Pick<TopicMaps, 'inbound' | 'outbound'>,
    private readonly callers: Pick<Callers, 'maySpeakFor'> | undefined,
  ) {}

  /**
   * The device a topic speaks for and the caller does not; undefined when there is nothing against it. Who is nobody speaks for
   * nobody: what it sends is worth what unsigned messages are. Rejects when the store cannot be asked.
   */
  async foreignSpeaker(caller: Caller | undefined, topic: string): Promise<string | undefined> {
    const speaker = caller === undefined ? undefined : this.maps.inbound(topic)?.speaker;
    if (speaker === undefined || (await this.#speaksFor(caller, speaker))) return undefined;
    return speaker;
  }

  /** Rejects when the store cannot be asked. */
  async subscription(caller: Caller | undefined, filter: string): Promise<SubscriptionVerdict> {
    if (filter.startsWith('$share/')) return 0x9e;
    const device = ALL_OF_DEVICE.exec(filter)?.[1] ?? this.#deviceOf(filter);
    if (device === undefined) return /[+#]/.test(filter) ? 0x87 : 0x8f;
    return (await this.#speaksFor(caller, device)) ? 'granted' : 0x87;
  }

  /** A wildcard must not stand where a device does. */
  #deviceOf(filter: string): string | undefined {
    return /[+#\u0000]/.test(filter) ? undefined : this.maps.outbound(filter)?.device;
  }

  async #speaksFor(caller: Caller | undefined, device: string): Promise<boolean> {
    if (caller === undefined) return false;
    if (caller.kind === 'device' && caller.id === device) return true;
    return (await this.callers?.maySpeakFor(caller, device)) === true;
  }
}
