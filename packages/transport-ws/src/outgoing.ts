import type { WebSocket } from 'ws';
import type { ServerMessage } from './server-message.js';

/** What goes to one client. Nothing is kept here besides what the socket holds, and that is bounded by whoever asks first. */
export class Outgoing {
  private fullSinceMs: number | undefined;

  constructor(
    private readonly socket: WebSocket,
    private readonly maxBufferedBytes: number,
    /** Called when something has left. */
    private readonly onSent: () => void,
  ) {}

  /** The client does not read what it is told; nothing more should be taken from it. */
  get full(): boolean {
    return this.socket.bufferedAmount >= this.maxBufferedBytes;
  }

  hasRoomFor(text: string): boolean {
    return this.socket.bufferedAmount + text.length <= this.maxBufferedBytes;
  }

  /** Answers: their number is bounded by what is under way. */
  send(message: ServerMessage): void {
    this.sendText(JSON.stringify(message));
  }

  /** Refused for good. `id` null: what it was could not be read so far. */
  nack(id: string | null, code: string, detail: string): void {
    this.send({ type: 'nack', id, code, detail });
  }

  /** Nothing was kept; the client sends it again. */
  retry(id: string, code: string, retryAfterMs: number): void {
    this.send({ type: 'retry', id, code, retry_after_ms: retryAfterMs });
  }

  sendText(text: string): void {
    if (this.socket.readyState === this.socket.OPEN) this.socket.send(text, this.onSent);
  }

  /** True once the text has left this process; false when it cannot. */
  deliver(text: string, signal: AbortSignal): Promise<boolean> {
    if (this.socket.readyState !== this.socket.OPEN || this.full || signal.aborted)
      return Promise.resolve(false);
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve(false), { once: true });
      this.socket.send(text, (error) => {
        resolve(error === undefined || error === null);
        this.onSent();
      });
    });
  }

  /** For how long it has been full. */
  stalledMs(nowMs: number): number {
    if (!this.full) this.fullSinceMs = undefined;
    else this.fullSinceMs ??= nowMs;
    return this.fullSinceMs === undefined ? 0 : nowMs - this.fullSinceMs;
  }
}
