import { JsonSocket, ServerTCP, type TcpOptions, type TcpSocket } from '@nestjs/microservices';
import type { Socket } from 'node:net';
import { packetOf } from '../nest-packet.js';
import { isSubject } from '../subjects.js';
import { UnderWay, within } from './under-way.js';

const FLUSH_WITHIN_MS = 1000;

/** Nest's framing; our messages keep the text they were sent as. */
class VerbatimSocket extends JsonSocket {
  protected override emitMessage(text: string): void {
    const packet = packetOf(text);
    if (packet !== undefined && isSubject(packet.pattern)) this.socket.emit('message', packet);
    else super.emitMessage(text);
  }
}

/** Nest's TCP server; it answers what it began before it closes its sockets. */
export class TcpIngestServer extends ServerTCP {
  private readonly underWay = new UnderWay();
  private closing: Promise<void> | undefined;

  constructor(
    options: NonNullable<TcpOptions['options']>,
    private readonly drainMs: number,
  ) {
    super(options);
  }

  override handleMessage(socket: TcpSocket, message: unknown): Promise<unknown> {
    return this.underWay.track(super.handleMessage(socket, message));
  }

  override close(): Promise<void> {
    return (this.closing ??= this.drainAndClose());
  }

  protected override getSocketInstance(socket: Socket): TcpSocket {
    const { maxBufferSize } = this;
    return new VerbatimSocket(socket, maxBufferSize === undefined ? {} : { maxBufferSize });
  }

  private async drainAndClose(): Promise<void> {
    for (const socket of this.openSockets) socket.pause();
    await this.underWay.ended(this.drainMs);
    // Behind what is still to be written; a peer that reads nothing is not waited for.
    const flushed = [...this.openSockets].map(
      (socket) => new Promise<void>((resolve) => void socket.end(resolve)),
    );
    await within(FLUSH_WITHIN_MS, Promise.all(flushed));
    super.close();
  }
}
