import type { Caller } from '@wattproof/core/spi';
import type { Connection } from './connection.js';
import type { MessageGate } from './message-gate.js';
import type { Sessions } from './sessions.js';
import type { TopicRights } from './topic-rights.js';

/** Whether what was granted still holds: keys are revoked, and meters change hands. */
export class RightsReview {
  #unchecked: Iterator<Connection>;

  constructor(
    private readonly connections: ReadonlySet<Connection>,
    private readonly sessions: Sessions,
    private readonly rights: TopicRights,
    private readonly gate: Pick<MessageGate, 'isValid'>,
  ) {
    this.#unchecked = connections.values();
  }

  /** Asks of the next connection, in turns. */
  next(): void {
    let next = this.#unchecked.next();
    if (next.done === true) {
      this.#unchecked = this.connections.values();
      next = this.#unchecked.next();
    }
    if (next.done !== true) void this.#recheck(next.value);
  }

  /** A session whose caller may not read all of it any more is not handed over. */
  async session(sessionId: string, caller: Caller | undefined): Promise<void> {
    const filters = this.sessions.subscriptionsOf(sessionId);
    const verdicts = await Promise.all(
      filters.map(({ topic }) => this.rights.subscription(caller, topic)),
    );
    if (verdicts.some((verdict) => verdict !== 'granted')) this.sessions.end(sessionId);
  }

  async #recheck(connection: Connection): Promise<void> {
    try {
      if (!(await this.gate.isValid(connection.caller))) return connection.fail('not_authorized');
      await this.#reviewSubscriptions(connection);
    } catch {
      // The store cannot be asked; the next message is asked for anyway.
    }
  }

  /** What the caller may not read any more is nobody's: the connection ends, since MQTT takes back no subscription without a word. */
  async #reviewSubscriptions(connection: Connection): Promise<void> {
    const { caller, sessionId } = connection;
    if (sessionId === undefined) return;
    let isWithdrawn = false;
    for (const { topic } of this.sessions.subscriptionsOf(sessionId)) {
      if ((await this.rights.subscription(caller, topic)) === 'granted') continue;
      this.sessions.unsubscribe(sessionId, topic);
      isWithdrawn = true;
    }
    if (isWithdrawn) connection.fail('not_authorized', 'it may not read all it subscribed to');
  }
}
