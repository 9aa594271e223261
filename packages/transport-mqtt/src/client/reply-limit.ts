import { ClientError } from './client-error.js';
import type { Timers } from './timers.js';

/** What the broker owes us has a limit of time. */
export class ReplyLimit {
  #forget: (() => void) | undefined;
  /** Nothing is read, for a reason of ours: that the broker is not heard says nothing of it. */
  isHeldUp = false;

  constructor(
    private readonly timers: Timers,
    private readonly exceeded: (error: ClientError) => void,
  ) {}

  /** The broker is to say `what` in time. Takes the place of what was expected before. */
  expect(what: 'SUBACK' | 'PUBACK', withinMs: number): void {
    this.forget();
    this.#forget = this.timers.after(withinMs, () => {
      if (this.isHeldUp) return this.expect(what, withinMs);
      this.exceeded(
        new ClientError('broker_silent', `The broker has sent no ${what} for ${withinMs} ms.`),
      );
    });
  }

  forget(): void {
    this.#forget?.();
  }
}
