import { fromUtf8, utf8 } from '@wattproof/core/verify';

/**
 * Which command an order of a device stands for: firmware of other systems repeats the order alone. Kept in memory, for commands are
 * sent again by every replica until they are answered.
 */
export class SentOrders {
  readonly #commands = new Map<string, string>();

  constructor(
    /** Orders that are remembered; the oldest make room. */
    private readonly max: number,
  ) {}

  remember(device: string, order: string, commandId: string): void {
    const key = keyOf(device, order);
    this.#commands.delete(key);
    this.#commands.set(key, commandId);
    for (const oldest of this.#commands.keys()) {
      if (this.#commands.size <= this.max) break;
      this.#commands.delete(oldest);
    }
  }

  /** The answer under the id of the command it is for; as it is when no such order was sent. */
  addressed(device: string, order: string, answer: Uint8Array): Uint8Array {
    const commandId = this.#commands.get(keyOf(device, order));
    if (commandId === undefined) return answer;
    const read = JSON.parse(fromUtf8(answer)) as object;
    return utf8(JSON.stringify({ ...read, id: commandId }));
  }
}

const keyOf = (device: string, order: string): string => JSON.stringify([device, order]);
