import type { Anchor } from '../spi/index.js';

/** Does something around one question to a ledger; `ask` puts it, under the signal given. */
export type AroundCall = <T>(
  call: string,
  signal: AbortSignal,
  ask: (signal: AbortSignal) => Promise<T>,
) => Promise<T>;

/** The same anchor with something around every method that asks its ledger. What is pure, or ends it, stays as it is. */
export function aroundCalls(anchor: Anchor, around: AroundCall): Anchor {
  return {
    quote: (intent, signal) => around('quote', signal, (given) => anchor.quote(intent, given)),
    prepare: (intent, prior, options) =>
      around('prepare', options.signal, (signal) =>
        anchor.prepare(intent, prior, { ...options, signal }),
      ),
    sign: (intent, draft, signal) =>
      around('sign', signal, (given) => anchor.sign(intent, draft, given)),
    broadcast: (attempt, signal) =>
      around('broadcast', signal, (given) => anchor.broadcast(attempt, given)),
    observe: (attempts, signal) =>
      around('observe', signal, (given) => anchor.observe(attempts, given)),
    evidence: (intent, attempt, signal) =>
      around('evidence', signal, (given) => anchor.evidence(intent, attempt, given)),
    ...(anchor.findExisting && {
      findExisting: (intent, signal) =>
        around('findExisting', signal, async (given) => anchor.findExisting?.(intent, given)),
    }),
    ...(anchor.latest && {
      latest: (origin, signal) =>
        around('latest', signal, async (given) => anchor.latest?.(origin, given)),
    }),
    ...(anchor.exportProof && { exportProof: async (proof) => anchor.exportProof?.(proof) }),
    health: (signal) => around('health', signal, (given) => anchor.health(given)),
    close: () => anchor.close(),
    ...(anchor.ports && { ports: anchor.ports }),
  };
}
