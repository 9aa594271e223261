import type { LinkMessage, Outcome } from '../link.js';
import type { MonotonicClock } from '../monotonic-clock.js';
import type { BrokerConfig } from './broker.config.js';

/** How many are being stored at a time: as many as a device may have under way. */
const AT_ONCE = 64;

interface Will {
  readonly sessionId: string;
  readonly message: LinkMessage;
  readonly sinceMs: number;
  notBeforeMs: number;
  isUnderWay: boolean;
}

/**
 * Last wills from the end of a connection until they are durable. One with a delay (MQTT 5.0, 3.1.3.2.2) waits for it or for the end of
 * its session, and is dropped when the device comes back before; one that cannot be stored is tried again, those of one
 * session in order. Bounded in bytes and age.
 */
export class Wills {
  readonly #delayed = new Map<string, Will>();
  /** In the order they are to be sent. */
  readonly #due = new Set<Will>();
  #bytes = 0;
  #underWay = 0;
  #idle: (() => void)[] = [];

  constructor(
    private readonly parts: {
      /** Never rejects. `revoked`: it is nobody's any more. */
      readonly take: (message: LinkMessage) => Promise<Outcome | 'revoked'>;
      readonly monotonic: MonotonicClock;
      readonly limits: Pick<BrokerConfig['sessions'], 'willBytes' | 'willRetryMs'>;
      readonly lost: (why: string) => void;
    },
  ) {}

  get waiting(): number {
    return this.#delayed.size + this.#due.size;
  }

  send(sessionId: string, message: LinkMessage, delayMs: number): void {
    const sinceMs = this.parts.monotonic.monotonicMs();
    const will = { sessionId, message, sinceMs, notBeforeMs: sinceMs + delayMs, isUnderWay: false };
    if (this.#bytes + sizeOf(message) > this.parts.limits.willBytes)
      return this.parts.lost('too many wait');
    this.#bytes += sizeOf(message);
    if (delayMs === 0) this.#due.add(will);
    else this.#delayed.set(sessionId, will);
    this.#pump();
  }

  /** The device is back in its session. */
  cancel(sessionId: string): void {
    const will = this.#delayed.get(sessionId);
    if (will === undefined) return;
    this.#delayed.delete(sessionId);
    this.#bytes -= sizeOf(will.message);
  }

  /** The session is over: what was to wait goes out. */
  sessionEnded(sessionId: string): void {
    const will = this.#delayed.get(sessionId);
    if (will === undefined) return;
    this.#delayed.delete(sessionId);
    this.#due.add({ ...will, sinceMs: this.parts.monotonic.monotonicMs(), notBeforeMs: 0 });
    this.#pump();
  }

  /** Once a second. */
  check(): void {
    const now = this.parts.monotonic.monotonicMs();
    for (const { sessionId, notBeforeMs } of this.#delayed.values())
      if (notBeforeMs <= now) this.sessionEnded(sessionId);
    this.#pump();
  }

  /** All go out, each is tried once; resolves when that is done. What could not be stored by then is lost. */
  async close(): Promise<void> {
    for (const sessionId of this.#delayed.keys()) this.sessionEnded(sessionId);
    for (const will of this.#due) if (!will.isUnderWay) will.notBeforeMs = 0;
    this.#pump();
    if (this.#underWay > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
    for (const will of this.#due) this.#lose(will, 'the gateway stops');
  }

  #pump(): void {
    const now = this.parts.monotonic.monotonicMs();
    const sessions = new Set<string>();
    for (const will of this.#due) {
      if (this.#underWay >= AT_ONCE) return;
      const isFirst = !sessions.has(will.sessionId);
      sessions.add(will.sessionId);
      if (isFirst && !will.isUnderWay && will.notBeforeMs <= now) void this.#take(will);
    }
  }

  async #take(will: Will): Promise<void> {
    will.isUnderWay = true;
    this.#underWay += 1;
    const outcome = await this.parts.take(will.message);
    will.isUnderWay = false;
    this.#underWay -= 1;
    const now = this.parts.monotonic.monotonicMs();
    if (outcome === 'revoked') this.#lose(will, 'its key was revoked');
    else if (outcome.kind === 'acknowledge') this.#forget(will);
    else if (now - will.sinceMs >= this.parts.limits.willRetryMs) this.#lose(will, 'it is too old');
    else will.notBeforeMs = now + Math.max(1, outcome.retryAfterMs);
    this.#pump();
    if (this.#underWay === 0) for (const done of this.#idle.splice(0)) done();
  }

  #lose(will: Will, why: string): void {
    this.#forget(will);
    this.parts.lost(why);
  }

  #forget(will: Will): void {
    if (this.#due.delete(will)) this.#bytes -= sizeOf(will.message);
  }
}

function sizeOf({ topic, payload }: LinkMessage): number {
  return topic.length + payload.length;
}
