import type { Packet } from 'mqtt-packet';
import { ConnectionFault } from './connection-fault.js';
import type { Frame, FrameReader } from './frame-reader.js';

/** A packet, and how many bytes its payload had if it was cut short. */
export interface Received {
  readonly packet: Packet;
  readonly payloadBytes: number | undefined;
  readonly bytes: number;
}

/** Whom packets are handed to, in turn. */
interface Taker {
  hasRoomFor(received: Received): boolean;
  take(received: Received): void;
}

/** What all connections have read and not handed on. */
interface SharedRoom {
  /** Of packets that wait, of all connections. */
  readAheadBytes: number;
  readonly mayReadAhead: boolean;
  /** Bytes of incomplete packets, of all connections; false when there are too many. */
  holdPartial(bytes: number): boolean;
}

/** Read while messages wait for room, so that a device is heard and answered meanwhile; more is left in its socket. */
const READ_AHEAD_BYTES = 16_384;
/** What concerns no message that waits: it need not wait with them. */
const GOES_AHEAD: ReadonlySet<Packet['cmd']> = new Set(['pingreq', 'puback', 'pubrel']);

/** What one connection has read: packets that wait for their turn, and the beginning of one that has not come whole. */
export class PacketQueue {
  #packets: Received[] = [];
  /** Of the packets, as all connections together count them. */
  #bytes = 0;
  /** Of the incomplete packet, as all connections together count it. */
  #partialBytes = 0;
  #isBusy = false;

  constructor(
    private readonly frames: FrameReader,
    private readonly all: SharedRoom,
  ) {}

  get isEmpty(): boolean {
    return this.#packets.length === 0;
  }

  get partialBytes(): number {
    return this.#partialBytes;
  }

  /** An incomplete packet is larger than what is read ahead. */
  get isPartLarge(): boolean {
    return this.#partialBytes > READ_AHEAD_BYTES;
  }

  /** Nothing more is read ahead. */
  get isFull(): boolean {
    return this.#bytes + this.#partialBytes > READ_AHEAD_BYTES || !this.all.mayReadAhead;
  }

  /** The packets that are whole with what has come. Throws `quota_exceeded`, and what `FrameReader` throws. */
  read(chunk: Buffer): readonly Frame[] {
    const before = this.#partialBytes;
    const frames = this.frames.push(chunk);
    this.#partialBytes = this.frames.partialBytes;
    if (!this.all.holdPartial(this.#partialBytes - before))
      throw new ConnectionFault('quota_exceeded', 'Too many packets are incomplete.');
    return frames;
  }

  /** Puts it behind the others; hands it over at once if it need not wait with them. */
  add(received: Received, taker: Taker | undefined): void {
    const goesAhead = GOES_AHEAD.has(received.packet.cmd) && !this.isEmpty && !this.#isBusy;
    if (goesAhead && taker?.hasRoomFor(received) === true) taker.take(received);
    else this.#packets.push(received);
  }

  /** Hands over what has come in, as far as there is room. False: it is at it already, or closed. */
  handOver(taker: Taker): boolean {
    if (this.#isBusy) return false;
    this.#isBusy = true;
    let at = 0;
    try {
      for (let next = this.#packets[0]; next !== undefined; next = this.#packets[at]) {
        if (!taker.hasRoomFor(next)) break;
        at += 1;
        taker.take(next);
      }
    } finally {
      this.#packets.splice(0, at);
      this.#isBusy = false;
    }
    this.#count();
    return true;
  }

  /** Forgets what waits, and hands over nothing more. */
  stop(): void {
    this.#clear();
    this.#isBusy = true;
  }

  /** The connection is gone. */
  close(): void {
    this.#clear();
    this.all.holdPartial(-this.#partialBytes);
  }

  #clear(): void {
    this.#packets = [];
    this.#count();
  }

  #count(): void {
    const bytes = this.#packets.reduce((sum, one) => sum + one.bytes, 0);
    this.all.readAheadBytes += bytes - this.#bytes;
    this.#bytes = bytes;
  }
}
