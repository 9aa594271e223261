import type { WebSocket } from 'ws';

/** A message as it came in. */
export interface Frame {
  readonly bytes: Buffer;
  readonly isBinary: boolean;
}

/** Takes the frames of one connection in order as long as there is room, and reads on only then: the rest waits at the sender's side. */
export class FrameQueue {
  private waiting: Frame[] = [];
  private isTaking = false;
  private isClosed = false;

  constructor(
    private readonly parts: {
      readonly socket: Pick<WebSocket, 'pause' | 'resume'>;
      hasRoom(): boolean;
      /** Resolves when the next frame may be taken; undefined: at once. */
      take(frame: Frame): Promise<void> | undefined;
      onFailed(error: unknown): void;
      /** Whether the sender is kept waiting. */
      onWaiting(waits: boolean): void;
    },
  ) {}

  push(frame: Frame): void {
    if (this.isClosed) return;
    this.waiting.push(frame);
    this.goOn();
  }

  /** To be called whenever there may be room again. */
  goOn(): void {
    if (!this.isTaking) void this.takeAll();
    if (this.isClosed) return;
    const waits = this.isTaking || this.waiting.length > 0 || !this.parts.hasRoom();
    if (waits) this.parts.socket.pause();
    else this.parts.socket.resume();
    this.parts.onWaiting(waits);
  }

  /** Nothing more is taken. What still comes in is not looked at, but the other side's goodbye is. */
  close(): void {
    this.isClosed = true;
    this.waiting = [];
    this.parts.socket.resume();
  }

  private async takeAll(): Promise<void> {
    if (this.waiting.length === 0 || !this.parts.hasRoom()) return;
    this.isTaking = true;
    try {
      for (;;) {
        const next = this.parts.hasRoom() ? this.waiting.shift() : undefined;
        if (next === undefined) break;
        const taken = this.parts.take(next);
        if (taken !== undefined) await taken;
      }
    } catch (error) {
      this.parts.onFailed(error);
    }
    this.isTaking = false;
    this.goOn();
  }
}
