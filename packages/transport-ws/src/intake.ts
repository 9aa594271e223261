import type { Callers, Clock, DeviceDesk, Ingest, IngestAnswer } from '@wattproof/core/spi';
import type { AttachedDevices } from './attached-devices.js';
import type { ClientMessage } from './client-message.js';
import { handToDesk } from './desk-messages.js';
import { deviceOf } from './device-lines.js';
import type { Identity } from './identity.js';
import { InFlight } from './in-flight.js';
import type { Outgoing } from './outgoing.js';
import type { SharedMemory } from './shared-memory.js';
import type { WsConfig } from './ws.config.js';

type Readings = Extract<ClientMessage, { type: 'readings' }>;
type Report = Extract<ClientMessage, { type: 'status' | 'alert' | 'answer' }>;

/** When the store cannot say how long it will take. */
const RETRY_AFTER_MS = 1_000;

/** What one client hands in: an answer is owed for each message from the moment it is taken until it is durable or refused. */
export class Intake {
  private readonly inFlight: InFlight;

  constructor(
    private readonly parts: {
      readonly config: WsConfig;
      readonly memory: SharedMemory;
      readonly callers: Callers;
      readonly desk: DeviceDesk;
      readonly clock: Clock;
      readonly ingest: Ingest;
      readonly identity: Pick<Identity, 'caller' | 'isStillKnown'>;
      readonly devices: AttachedDevices;
      readonly outgoing: Outgoing;
      readonly source: string | undefined;
      readonly end: (code: number, reason: string) => void;
      /** An answer less is owed. */
      readonly onAnswered: () => void;
    },
  ) {
    this.inFlight = new InFlight(parts.config, parts.memory);
  }

  get hasRoom(): boolean {
    return this.inFlight.hasRoom;
  }

  /** No answer is owed. */
  get isSettled(): boolean {
    return this.inFlight.isEmpty;
  }

  /** Resolves when it has been answered. */
  take(message: Readings | Report): Promise<void> {
    const { id, body } = message;
    return message.type === 'readings'
      ? this.underWay(id, body.length, () => this.ingest(message))
      : this.underWay(id, body.length, () => this.hand(message));
  }

  /** An answer to `id` is owed until `work` is through. What fails was not kept: the client keeps it. */
  private async underWay(id: string, size: number, work: () => Promise<void>): Promise<void> {
    if (!this.inFlight.begin(id, size)) {
      this.parts.outgoing.retry(id, 'id_in_flight', RETRY_AFTER_MS);
      return;
    }
    try {
      // Without a word: what a revoked credential sent may be sent again with another one.
      if (await this.parts.identity.isStillKnown()) await work();
    } catch {
      this.unavailable(id);
    }
    this.inFlight.end(id);
    this.parts.onAnswered();
  }

  private unavailable(id: string, retryAfterMs = RETRY_AFTER_MS): void {
    this.parts.outgoing.retry(id, 'store_unavailable', retryAfterMs);
    this.parts.end(1013, 'store_unavailable');
  }

  private async ingest({ id, contentType, body }: Readings): Promise<void> {
    const { source, clock, desk, ingest } = this.parts;
    const { caller } = this.parts.identity;
    const device = caller && deviceOf(caller);
    if (device !== undefined) desk.seen(device, clock.nowMs());
    const answer = await ingest.accept({
      contentType,
      bytes: body,
      // The key of a device says whose reading it is; any other key says only who sends.
      assurance: caller?.kind === 'device' ? 'transport' : 'unsigned',
      ...(caller === undefined ? {} : { caller }),
      ...(source === undefined ? {} : { source }),
    });
    this.answer(id, answer);
  }

  private answer(id: string, answer: IngestAnswer): void {
    const { outgoing } = this.parts;
    if (answer.kind === 'items') outgoing.send({ type: 'ack', id, items: answer.items });
    else if (answer.kind === 'refused') outgoing.nack(id, answer.code, answer.detail);
    else if (answer.code === 'store_unavailable') this.unavailable(id, answer.retryAfterMs);
    else outgoing.retry(id, answer.code, answer.retryAfterMs);
  }

  private async hand(message: Report): Promise<void> {
    const { callers, desk, clock, devices, outgoing } = this.parts;
    const caller = this.parts.identity.caller!;
    const device = message.device ?? deviceOf(caller);
    if (device === undefined) {
      outgoing.nack(message.id, 'device_missing', 'Say which "device" this is of.');
      return;
    }
    const speaksForItself = device === deviceOf(caller);
    if (!speaksForItself && !(await callers.maySpeakFor(caller, device))) {
      outgoing.nack(message.id, 'device_not_yours', 'You do not speak for this device.');
      return;
    }
    devices.attach(device, speaksForItself);
    desk.seen(device, clock.nowMs());
    outgoing.send(await handToDesk(desk, device, message, clock.nowMs()));
  }
}
