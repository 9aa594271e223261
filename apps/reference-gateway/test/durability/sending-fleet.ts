import { type FleetMember, readingDocument } from '@wattproof/core/simulator';
import { type DeviceHistory, runSendingDevice } from '@wattproof/core/testing';
import type { DeviceLink } from './device-link.js';

/** Signed readings stay inside the accepted age while a campaign walks through them second by second. */
const START_BEHIND_MS = 5 * 24 * 3_600_000;

/** Devices with buffers, a link each, that send message after message from the start until it is enough. */
export class SendingFleet {
  #acknowledged = 0;
  #enough = false;
  #wake = (): void => {};
  readonly #histories: readonly Promise<DeviceHistory>[];
  /** A device that gives up rejects this; one that goes on says nothing here. */
  readonly #givenUp: Promise<never>;

  constructor(
    members: readonly FleetMember[],
    links: readonly DeviceLink[],
    readingsPerMessage: number,
    /** Told how many readings are acknowledged so far. */
    onAcknowledged: (soFar: number) => void,
  ) {
    const startsMs = Date.now() - START_BEHIND_MS;
    this.#histories = members.map(({ meter, device }, index) => {
      let sequence = 0;
      return runSendingDevice({
        send: (body, message) => links[index]!.send(body, message),
        onAcknowledged: (count) => {
          this.#acknowledged += count;
          onAcknowledged(this.#acknowledged);
          this.#wake();
        },
        next: () => {
          if (this.#enough) return undefined;
          return Array.from({ length: readingsPerMessage }, () => {
            const at = startsMs + sequence * 1000;
            sequence += 1;
            const document = readingDocument(meter, meter.interval(at, at + 1000), sequence);
            return device.signReading('reading/1', document);
          });
        },
      });
    });
    this.#givenUp = new Promise((_resolve, reject) => {
      for (const history of this.#histories) history.catch(reject);
    });
    this.#givenUp.catch(() => {});
  }

  /** Until so many more readings are acknowledged. Rejects when a device gave up. */
  async more(count: number): Promise<void> {
    const target = this.#acknowledged + count;
    while (this.#acknowledged < target) {
      const woken = new Promise<void>((resolve) => (this.#wake = resolve));
      await Promise.race([woken, this.#givenUp]);
    }
  }

  /** No device begins another message; resolves when each has the answer to its last. */
  enough(): Promise<readonly DeviceHistory[]> {
    this.#enough = true;
    return Promise.all(this.#histories);
  }
}
