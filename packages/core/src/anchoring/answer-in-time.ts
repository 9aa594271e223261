import { type Anchor, AnchorError } from '../spi/index.js';
import type { AnchorPolicy } from './anchor-policy.js';
import { aroundCalls } from './around-calls.js';

/** Calls `fire` once after `ms`, unless the returned function is called before. */
export type Timer = (ms: number, fire: () => void) => () => void;

/** The ledger did not answer in time. What was asked may still happen there: only asking again can tell. */
export class CallOverdue extends AnchorError {
  constructor(call: string, timeoutMs: number) {
    super(
      'unavailable',
      `${call}: no answer within ${timeoutMs} ms. The ledger is asked again later; if it is only slow, raise callTimeoutMs, and leaseMs to twice of it.`,
    );
  }
}

/**
 * The same anchor, which answers every question within `callTimeoutMs`, and at once when it is told to stop, whether or
 * not the one behind it listens to the signal. What that says later is heard by nobody.
 */
export function answerInTime(anchor: Anchor, policy: AnchorPolicy, timer: Timer): Anchor {
  // The lease is renewed when a third of its term is over at the start of a call: it outlasts the call.
  const timeoutMs = Math.min(policy.callTimeoutMs, Math.floor(policy.leaseMs / 2));
  return aroundCalls(anchor, async (call, signal, ask) => {
    const stopped = (): AnchorError =>
      new AnchorError('unavailable', `${call}: given up because the work was told to stop`);
    if (signal.aborted) throw stopped();
    const aborter = new AbortController();
    let giveUp = (_error: AnchorError): void => undefined;
    const givenUp = new Promise<never>((_resolve, reject) => {
      giveUp = (error) => {
        // First, or what the anchor makes of the signal would be the reason.
        reject(error);
        aborter.abort(error);
      };
    });
    const stop = (): void => giveUp(stopped());
    const cancel = timer(timeoutMs, () => giveUp(new CallOverdue(call, timeoutMs)));
    signal.addEventListener('abort', stop, { once: true });
    try {
      return await Promise.race([givenUp, ask(aborter.signal)]);
    } finally {
      cancel();
      signal.removeEventListener('abort', stop);
    }
  });
}
