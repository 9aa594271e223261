import type {
  Caller,
  CommandPort,
  DeviceCommand,
  DeviceDesk,
  Clock,
  Logger,
} from '@wattproof/core/spi';
import { commandMessage } from './server-message.js';

/** A connection as commands see it. */
export interface Line {
  /** False when it cannot take the text now, or is nobody's any more. */
  command(device: string, text: string, signal: AbortSignal): Promise<boolean>;
}

/** `isItself`: the device is at the other end; otherwise somebody who speaks for it. */
interface Attached {
  readonly line: Line;
  readonly isItself: boolean;
}

export type WhyOffline = 'disconnected' | 'timeout';

/** Which devices are at the other end of which connection. */
export class DeviceLines implements CommandPort {
  /** Newest last. */
  private readonly lines = new Map<string, readonly Attached[]>();

  constructor(
    private readonly parts: {
      readonly desk: DeviceDesk;
      readonly clock: Clock;
      readonly logger: Logger;
    },
  ) {}

  /** The device itself has come, or (`isItself` false) somebody who speaks for it. */
  attach(device: string, line: Line, isItself: boolean): void {
    const others = this.others(device, line);
    this.lines.set(device, [...others, { line, isItself }]);
    if (isItself && !others.some(isDevice)) this.tell(device, 'online', 'connected');
  }

  detach(device: string, line: Line, isItself: boolean, why: WhyOffline): void {
    const others = this.others(device, line);
    if (others.length > 0) this.lines.set(device, others);
    else this.lines.delete(device);
    if (isItself && !others.some(isDevice)) this.tell(device, 'offline', why);
  }

  /** To the device itself before whoever speaks for it, over the newest connection that takes it: an older one may be a corpse that nobody has noticed yet. */
  async send(command: DeviceCommand, signal: AbortSignal): Promise<'sent' | 'unreachable'> {
    const text = JSON.stringify(commandMessage(command));
    const newestFirst = (this.lines.get(command.device) ?? []).toReversed();
    const spokesmen = newestFirst.filter((one) => !one.isItself);
    for (const { line } of [...newestFirst.filter(isDevice), ...spokesmen])
      if (await line.command(command.device, text, signal)) return 'sent';
    return 'unreachable';
  }

  private others(device: string, line: Line): readonly Attached[] {
    return (this.lines.get(device) ?? []).filter((other) => other.line !== line);
  }

  private tell(device: string, state: 'online' | 'offline', why: 'connected' | WhyOffline): void {
    const { desk, clock, logger } = this.parts;
    desk
      .presence({ device, state, why, atMs: clock.nowMs() })
      // The next sign of life says the same.
      .catch((error: unknown) => logger.debug('presence was not kept', { device, state, error }));
  }
}

const isDevice = ({ isItself }: Attached): boolean => isItself;

/** The meter that a device is; whoever speaks for several has to say which. */
export function deviceOf({ kind, id, meterIds }: Caller): string | undefined {
  if (kind !== 'device') return undefined;
  return meterIds === undefined ? id : meterIds.length === 1 ? meterIds[0] : undefined;
}
