import { Duplex } from 'node:stream';
import { FrameReader } from './frame-reader.js';

/**
 * The end of a connection that aedes holds: it gets the packets that concern subscriptions and deliveries, as MQTT 3.1.1, and
 * nothing else. It never makes aedes wait, whose queue all devices share; who reads too slowly is found out at the socket.
 */
export class SessionSide extends Duplex {
  readonly #frames = new FrameReader(Number.POSITIVE_INFINITY);

  constructor(
    private readonly aedes: {
      readonly frame: (frame: Buffer) => void;
      /** aedes has taken what was pushed. */
      readonly wants: () => void;
      readonly gone: () => void;
    },
  ) {
    super({ allowHalfOpen: false });
  }

  override _read(): void {
    this.aedes.wants();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    for (const { bytes } of this.#frames.push(chunk)) this.aedes.frame(bytes);
    done();
  }

  override _destroy(_error: Error | null, done: (error: Error | null) => void): void {
    done(null);
    this.aedes.gone();
  }
}
