import type { MonotonicClock } from '../monotonic-clock.js';
import type { BrokerConfig } from './broker.config.js';
import type { FaultCode } from './connection-fault.js';

/** How it stands with a connection whose device is let in. */
interface Standing {
  readonly keepAliveMs: number;
  /** Since when nothing of it could be stored. */
  readonly withheldSinceMs: number | undefined;
  /** Nothing can be heard of a device whose socket is not read. */
  readonly isRead: boolean;
}

/** What a connection may take its time for, and since when it has. */
export class Patience {
  readonly #sinceMs: number;
  #heardAtMs: number;
  #partialSinceMs: number | undefined;
  #unreadSinceMs: number | undefined;

  constructor(
    private readonly config: Pick<BrokerConfig, 'limits' | 'withholdMs'>,
    private readonly clock: MonotonicClock,
  ) {
    this.#sinceMs = this.#heardAtMs = clock.monotonicMs();
  }

  /** Something was read: whole packets, or the beginning of one, or both. */
  heard({ packets, partialBytes }: { packets: number; partialBytes: number }): void {
    const nowMs = this.clock.monotonicMs();
    if (partialBytes === 0) this.#partialSinceMs = undefined;
    else if (packets > 0) this.#partialSinceMs = nowMs;
    else this.#partialSinceMs ??= nowMs;
    if (packets > 0) this.#heardAtMs = nowMs;
  }

  /** The socket is read again: until now the silence was not the device's. */
  readsOn(): void {
    this.#heardAtMs = this.clock.monotonicMs();
    if (this.#partialSinceMs !== undefined) this.#partialSinceMs = this.#heardAtMs;
  }

  /** Whether the device reads what it is sent. */
  isAnswered(isRead: boolean): void {
    if (isRead) this.#unreadSinceMs = undefined;
    else this.#unreadSinceMs ??= this.clock.monotonicMs();
  }

  /** What takes too long, if anything does. `standing`: undefined as long as the device is not let in. */
  overdue(nowMs: number, standing: Standing | undefined): FaultCode | undefined {
    const { limits, withholdMs } = this.config;
    const lasts = (sinceMs: number | undefined, limitMs: number): boolean =>
      sinceMs !== undefined && nowMs - sinceMs >= limitMs;
    if (standing === undefined)
      return lasts(this.#sinceMs, limits.handshakeMs) ? 'handshake_timeout' : undefined;
    if (lasts(standing.withheldSinceMs, withholdMs)) return 'server_busy';
    if (lasts(this.#unreadSinceMs, limits.packetMs)) return 'slow_reader';
    if (!standing.isRead) return undefined;
    if (lasts(this.#partialSinceMs, limits.packetMs)) return 'packet_timeout';
    return lasts(this.#heardAtMs, standing.keepAliveMs) ? 'keep_alive_timeout' : undefined;
  }
}
