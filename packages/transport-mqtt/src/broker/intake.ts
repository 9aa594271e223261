import type { LinkMessage, Outcome, TakeMessage } from '../link.js';
import type { MonotonicClock } from '../monotonic-clock.js';

type Acknowledged = Outcome & { kind: 'acknowledge' };
type Withheld = Outcome & { kind: 'withhold' };

interface Waiting {
  readonly message: LinkMessage;
  readonly answer: (outcome: Acknowledged) => void;
}

/** Shortest time between two attempts to store what was withheld. */
const RETRY_FLOOR_MS = 50;

/**
 * Messages of one connection between PUBLISH and its acknowledgement. Many are under way at once, so that the commit queue
 * groups them. When the store will not have one, none is acknowledged and no more are read; one of them tries again and again,
 * and opens the way for the others.
 */
export class Intake {
  #underWay = 0;
  #withheld: Waiting[] = [];
  #bytes = 0;
  #sinceMs: number | undefined;
  #probe: NodeJS.Timeout | undefined;
  #closed = false;
  #idle: (() => void)[] = [];

  constructor(
    private readonly parts: {
      readonly take: TakeMessage;
      readonly clock: MonotonicClock;
      readonly inFlight: number;
      readonly inFlightBytes: number;
      /** Counts the bytes of all connections; less when they are let go. */
      readonly hold: (bytes: number) => void;
      /** Whether all connections together have room. */
      readonly allHaveRoom: () => boolean;
      /** There may be room again. */
      readonly freed: () => void;
    },
  ) {}

  get hasRoom(): boolean {
    const { inFlight, inFlightBytes, allHaveRoom } = this.parts;
    const isFull = this.size >= inFlight || this.#bytes >= inFlightBytes;
    return this.#sinceMs === undefined && !isFull && allHaveRoom();
  }

  get size(): number {
    return this.#underWay + this.#withheld.length;
  }

  /** Since when nothing could be stored; undefined while things go well. */
  get withheldSinceMs(): number | undefined {
    return this.#sinceMs;
  }

  /** `answer` is called once, after the commit, or never. */
  add(message: LinkMessage, answer: (outcome: Acknowledged) => void): void {
    this.#hold(message.payload.length);
    void this.#take({ message, answer });
  }

  /** Resolves when everything under way has been answered, or withheld. */
  async idle(): Promise<void> {
    if (this.#underWay > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Nothing is answered any more. What is under way may still be committed; the device will send it again. */
  close(): void {
    this.#closed = true;
    for (const { message } of this.#withheld.splice(0)) this.#hold(-message.payload.length);
    clearTimeout(this.#probe);
  }

  #hold(bytes: number): void {
    this.#bytes += bytes;
    this.parts.hold(bytes);
  }

  async #take(waiting: Waiting): Promise<void> {
    this.#underWay += 1;
    const outcome = await this.parts.take(waiting.message);
    this.#underWay -= 1;
    const isKept = outcome.kind === 'withhold' && waiting.message.qos > 0 && !this.#closed;
    if (!isKept) this.#hold(-waiting.message.payload.length);
    if (!this.#closed) {
      if (outcome.kind === 'acknowledge') {
        waiting.answer(outcome);
        this.#release();
      } else this.#withhold(waiting, outcome);
      this.parts.freed();
    }
    if (this.#underWay === 0) for (const done of this.#idle.splice(0)) done();
  }

  #withhold(waiting: Waiting, { retryAfterMs }: Withheld): void {
    this.#sinceMs ??= this.parts.clock.monotonicMs();
    // A reading at the device's risk (QoS 0) is worth no memory here.
    if (waiting.message.qos > 0) this.#withheld.push(waiting);
    this.#probe ??= setTimeout(() => this.#tryAgain(), Math.max(RETRY_FLOOR_MS, retryAfterMs));
  }

  #tryAgain(): void {
    this.#probe = undefined;
    const next = this.#withheld.shift();
    if (next !== undefined) void this.#take(next);
    else this.#release();
  }

  /** Something was stored: the others may go, too. */
  #release(): void {
    if (this.#sinceMs === undefined) return;
    this.#sinceMs = undefined;
    clearTimeout(this.#probe);
    this.#probe = undefined;
    for (const waiting of this.#withheld.splice(0)) void this.#take(waiting);
    this.parts.freed();
  }
}
