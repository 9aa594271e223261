import { setTimeout as pause } from 'node:timers/promises';
import type { DeviceDesk, Logger } from '@wattproof/core/spi';

type Change = Parameters<DeviceDesk['presence']>[0];

const RETRY_MS = 5_000;

/**
 * Tells the desk who is here. A device that comes back before its old connection is found dead stays online; what the desk
 * could not take is told again, unless something newer is to be told.
 */
export class PresenceBoard {
  readonly #connections = new Map<string, number>();
  readonly #pending = new Map<string, Change>();
  readonly #telling = new Map<string, Promise<void>>();
  readonly #closing = new AbortController();

  constructor(
    private readonly desk: Pick<DeviceDesk, 'presence'>,
    private readonly logger: Logger,
  ) {}

  came(device: string, atMs: number): void {
    const before = this.#connections.get(device) ?? 0;
    this.#connections.set(device, before + 1);
    if (before === 0) this.#tell({ device, state: 'online', why: 'connected', atMs });
  }

  went(device: string, why: 'disconnected' | 'will' | 'timeout', atMs: number): void {
    const before = this.#connections.get(device) ?? 0;
    if (before > 1) {
      this.#connections.set(device, before - 1);
      return;
    }
    this.#connections.delete(device);
    this.#tell({ device, state: 'offline', why, atMs });
  }

  /** It has a connection. */
  isHere(device: string): boolean {
    return this.#connections.has(device);
  }

  /** Waits for what is being told; what fails now is not told again. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#telling.values());
  }

  #tell(change: Change): void {
    this.#pending.set(change.device, change);
    if (!this.#telling.has(change.device))
      this.#telling.set(change.device, this.#tellAll(change.device));
  }

  async #tellAll(device: string): Promise<void> {
    for (;;) {
      const change = this.#pending.get(device);
      if (change === undefined) break;
      this.#pending.delete(device);
      try {
        await this.desk.presence(change);
      } catch (error) {
        this.logger.warn('Presence of a device could not be stored.', { device, error });
        const { signal } = this.#closing;
        if (signal.aborted) break;
        if (!this.#pending.has(device)) this.#pending.set(device, change);
        await pause(RETRY_MS, undefined, { signal, ref: false }).catch(() => {});
      }
    }
    this.#telling.delete(device);
  }
}
