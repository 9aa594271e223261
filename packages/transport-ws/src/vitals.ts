import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { WsConfig } from './ws.config.js';

/** A masked ping or pong of a client, besides what it carries (RFC 6455 §5.2). */
const CONTROL_HEAD_BYTES = 6;

/** Whether a client is still there, and whether it finishes what it begins. */
export class Vitals {
  private heardMs: number;
  private pingedMs: number | undefined;
  private checkedMs: number;
  /** Bytes of the connection that are accounted for: up to its last message, and control frames since. */
  private readBytes = 0;
  private partialSinceMs: number | undefined;
  private isWaitingForUs = false;

  constructor(
    private readonly socket: WebSocket,
    private readonly raw: Duplex & { readonly bytesRead?: number },
    private readonly config: WsConfig,
    readonly openedMs: number,
  ) {
    this.heardMs = openedMs;
    this.checkedMs = openedMs;
    this.readBytes = raw.bytesRead ?? 0;
  }

  heardMessage(nowMs: number): void {
    this.heard(nowMs);
    this.readBytes = this.raw.bytesRead ?? 0;
    this.partialSinceMs = undefined;
  }

  /** A ping or pong may come between the parts of a message; those are still waited for. */
  heardControl(nowMs: number, carriedBytes: number): void {
    this.heard(nowMs);
    this.readBytes += CONTROL_HEAD_BYTES + carriedBytes;
  }

  /** Of a message that has begun and not ended, as far as it has come. */
  get partialBytes(): number {
    return Math.max(0, (this.raw.bytesRead ?? 0) - this.readBytes);
  }

  /** Nothing is read from it for a reason of ours: its silence says nothing. */
  waitsForUs(waits: boolean): void {
    this.isWaitingForUs = waits;
  }

  rechecked(nowMs: number): void {
    this.checkedMs = nowMs;
  }

  isRecheckDue(nowMs: number): boolean {
    return nowMs - this.checkedMs >= this.config.recheckMs;
  }

  /** `dead`: gone, or deaf for too long. `unfinished`: it began a message and does not end it. Pings when that is due. */
  check(nowMs: number, stalledMs: number): 'well' | 'dead' | 'unfinished' {
    const { pingIntervalMs, pongTimeoutMs, messageTimeoutMs } = this.config;
    if (stalledMs >= pongTimeoutMs) return 'dead';
    if (this.isWaitingForUs) {
      this.heard(nowMs);
      this.partialSinceMs = undefined;
      return 'well';
    }
    if (this.pingedMs !== undefined && nowMs - this.pingedMs >= pongTimeoutMs) return 'dead';
    if (this.pingedMs === undefined && nowMs - this.heardMs >= pingIntervalMs) {
      this.pingedMs = nowMs;
      if (this.socket.readyState === this.socket.OPEN) this.socket.ping();
    }
    if ((this.raw.bytesRead ?? 0) <= this.readBytes) this.partialSinceMs = undefined;
    else this.partialSinceMs ??= nowMs;
    const begun = this.partialSinceMs;
    return begun !== undefined && nowMs - begun >= messageTimeoutMs ? 'unfinished' : 'well';
  }

  private heard(nowMs: number): void {
    this.heardMs = nowMs;
    this.pingedMs = undefined;
  }
}
