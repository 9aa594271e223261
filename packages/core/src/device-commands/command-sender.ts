import type { Clock, CommandPort, Logger } from '../spi/index.js';
import type { CommandsConfig } from './commands.config.js';
import type { StoredCommand } from './device-command.js';
import type { DeviceCommandStore } from './device-command.store.js';

/** Commands that are read at once to be sent. */
const PAGE = 200;
/** Commands sent at the same time. */
const AT_ONCE = 16;

/** A transport's commands, with the name of its instance. */
export interface NamedCommandPort {
  readonly name: string;
  readonly port: CommandPort;
}

/** Sends what is due by the transports of this process, until it is told to stop. */
export class CommandSender {
  private ports: readonly NamedCommandPort[] = [];
  private sending: Promise<void> | undefined;
  private readonly stopping = new AbortController();

  constructor(
    private readonly parts: {
      readonly store: Pick<DeviceCommandStore, 'due' | 'markSent'>;
      readonly clock: Clock;
      readonly config: CommandsConfig;
      readonly logger: Logger;
      /** Whether it is still for whoever has the meter; what is not runs into its deadline. */
      readonly isToBeSent: (command: StoredCommand) => Promise<boolean>;
      /** Calls `fire` once after `ms`, unless the returned function is called before. */
      readonly timer: (ms: number, fire: () => void) => () => void;
    },
  ) {}

  sendBy(ports: readonly NamedCommandPort[]): void {
    this.ports = ports;
  }

  /** One look at a time. */
  deliver(): Promise<void> {
    this.sending ??= this.sendDue().finally(() => {
      this.sending = undefined;
    });
    return this.sending;
  }

  /** Something new is there. What does not go out now is found by the next look. */
  kick(): void {
    const before = this.sending ?? Promise.resolve();
    before
      .catch(() => undefined)
      .then(() => this.deliver())
      .catch((error: unknown) => {
        this.parts.logger.warn('commands could not be sent', { error });
      });
  }

  /** Nothing is sent any more when it resolves. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.sending?.catch(() => undefined);
  }

  private async sendDue(): Promise<void> {
    const { store, clock, config } = this.parts;
    if (this.ports.length === 0) return;
    const nowMs = clock.nowMs();
    let behind: { readonly nextSendAtMs: number; readonly id: string } | undefined;
    // Those for devices that are elsewhere stay due here; what is behind them is sent all the same.
    for (;;) {
      const due = await store.due({ nowMs, pauseMs: config.resendAtMostMs }, PAGE, behind);
      for (let at = 0; at < due.length; at += AT_ONCE) {
        if (this.stopping.signal.aborted) return;
        await Promise.all(due.slice(at, at + AT_ONCE).map((command) => this.send(command)));
      }
      behind = due.at(-1);
      if (due.length < PAGE) return;
    }
  }

  private async send(command: StoredCommand): Promise<void> {
    const { store, clock, config, logger } = this.parts;
    const { id, nonce, name, body, deadlineMs, meterId: device } = command;
    if (!(await this.parts.isToBeSent(command))) return;
    const given = new AbortController();
    const stop = (): void => given.abort();
    const cancel = this.parts.timer(config.sendWithinMs, stop);
    this.stopping.signal.addEventListener('abort', stop, { once: true });
    try {
      const sent = await Promise.all(
        this.ports.map(async ({ name: transport, port }) => {
          try {
            const sending = port.send({ id, nonce, device, name, body, deadlineMs }, given.signal);
            return (await Promise.race([sending, aborted(given.signal)])) === 'sent';
          } catch (error) {
            logger.warn('a command could not be sent', { command: id, transport, error });
            return false;
          }
        }),
      );
      if (!sent.includes(true)) return;
      const nowMs = clock.nowMs();
      const pauseMs = Math.min(
        config.resendAfterMs * 2 ** Math.min(command.sends, 20),
        config.resendAtMostMs,
      );
      await store.markSent(id, nowMs, nowMs + pauseMs);
    } finally {
      cancel();
      this.stopping.signal.removeEventListener('abort', stop);
    }
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const stop = (): void => reject(new Error('it was not sent in time'));
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
  });
}
