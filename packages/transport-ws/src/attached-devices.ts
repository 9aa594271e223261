import type { Caller, Callers } from '@wattproof/core/spi';
import { type DeviceLines, deviceOf, type Line, type WhyOffline } from './device-lines.js';

/** Devices that somebody may speak for over one connection and be sent commands for. */
const MAX_DEVICES = 1_024;

/** The devices that one connection is a line to: whoever is at its end, and those it has spoken for. */
export class AttachedDevices {
  /** By id; true: the device itself is at the end of the line. */
  private readonly devices = new Map<string, boolean>();

  constructor(
    private readonly parts: {
      readonly callers: Pick<Callers, 'maySpeakFor'>;
      readonly lines: DeviceLines;
      readonly line: Line;
      readonly caller: () => Caller | undefined;
      readonly isEnding: () => boolean;
    },
  ) {}

  attachOwn(): void {
    const caller = this.parts.caller();
    const device = caller && deviceOf(caller);
    if (device !== undefined) this.attach(device, true);
  }

  attach(device: string, isItself: boolean): void {
    if (this.parts.isEnding() || this.devices.has(device)) return;
    if (this.devices.size >= MAX_DEVICES) return;
    this.devices.set(device, isItself);
    this.parts.lines.attach(device, this.parts.line, isItself);
  }

  /** The meter may have been handed over since. Rejects when the store cannot be asked. */
  async stillSpeaksFor(device: string): Promise<boolean> {
    const caller = this.parts.caller();
    if (caller === undefined || this.devices.get(device) === true) return caller !== undefined;
    if (await this.parts.callers.maySpeakFor(caller, device)) return true;
    if (this.devices.delete(device))
      this.parts.lines.detach(device, this.parts.line, false, 'disconnected');
    return false;
  }

  detachAll(why: WhyOffline): void {
    for (const [device, isItself] of this.devices)
      this.parts.lines.detach(device, this.parts.line, isItself, why);
    this.devices.clear();
  }
}
