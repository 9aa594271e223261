import type { Clock } from '../spi/index.js';
import { withCheaters } from './cheater.js';
import { createFleet, readingDocument } from './fleet.js';
import type { GatewayClient, Verdict } from './gateway-client.js';
import { SeededRandom } from './seeded-random.js';

export interface SimulationProgress {
  readonly meters: number;
  readonly sent: number;
  readonly accepted: number;
  readonly refused: number;
  /** Newest reason for a refusal, for a person. */
  readonly lastRefusal?: string;
}

export interface SimulationOptions {
  readonly client: GatewayClient;
  readonly clock: Clock;
  readonly seed: number;
  readonly size: number;
  /** Share of the fleet that cheats, every way in turn, from the first reading on; default none. */
  readonly cheaters?: number;
  /** Length of one reading. The demo uses seconds, a real meter 15 minutes. */
  readonly intervalMs: number;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: SimulationProgress) => void;
  /** What it is busy with while there is no progress, for a person. */
  readonly onWaiting?: (what: string) => void;
  /** Nobody knows what became of a message: why, and that it is sent again; for a person. */
  readonly onRetry?: (why: string) => void;
  /** Resolves when the next interval is over; injected so that tests need not wait. */
  readonly until: (atMs: number, signal: AbortSignal) => Promise<void>;
  /** Stops after this many intervals; absent runs until aborted. */
  readonly intervals?: number;
}

/** Half of what a gateway takes in one message by default. */
const READINGS_PER_MESSAGE = 500;

/** Registers a fleet and sends one signed reading per meter and interval until stopped. */
export async function runSimulation(options: SimulationOptions): Promise<SimulationProgress> {
  const { client, clock, intervalMs, signal } = options;
  const { seed, size } = options;
  // Fleets of two seeds meet at one gateway without sharing a meter.
  const fleet = withCheaters(createFleet({ seed, size, prefix: `sim-${seed}` }), {
    share: options.cheaters ?? 0,
    fromMs: Number.NEGATIVE_INFINITY,
    random: new SeededRandom(seed).fork('cheaters'),
  });
  const origin = await client.origin();
  for (const [place, member] of fleet.entries()) {
    if (signal.aborted) break;
    options.onWaiting?.(`registering meter ${place + 1} of ${fleet.length}`);
    await client.register(member, origin);
  }

  let progress: SimulationProgress = { meters: fleet.length, sent: 0, accepted: 0, refused: 0 };
  // The next whole interval: one that an earlier run already sent is never measured again with other noise.
  let startsMs = Math.ceil(clock.nowMs() / intervalMs) * intervalMs;
  for (let round = 0; options.intervals === undefined || round < options.intervals; round += 1) {
    const endsMs = startsMs + intervalMs;
    options.onWaiting?.(`next readings at ${new Date(endsMs).toISOString().slice(11, 19)}Z`);
    await options.until(endsMs, signal);
    if (signal.aborted) break;
    // Sequence numbers follow time, so a restarted simulation never repeats one with other bytes, nor falls back
    // when its intervals have another length.
    const sequence = Math.floor(startsMs / 1000);
    const envelopes = fleet.map(({ meter, device, teller }) =>
      device.signReading(
        'reading/1',
        readingDocument(meter, teller.interval(startsMs, endsMs), sequence),
      ),
    );
    const verdicts: Verdict[] = [];
    for (let from = 0; from < envelopes.length; from += READINGS_PER_MESSAGE) {
      const message = envelopes.slice(from, from + READINGS_PER_MESSAGE);
      verdicts.push(...((await deliver(message, options)) ?? []));
    }
    if (signal.aborted && verdicts.length === 0) break;
    const refused = verdicts.filter(
      ({ verdict }) => verdict === 'rejected' || verdict === 'quarantined',
    );
    const lastRefusal = refused.at(-1)?.reason;
    progress = {
      ...progress,
      sent: progress.sent + verdicts.length,
      accepted: progress.accepted + verdicts.length - refused.length,
      refused: progress.refused + refused.length,
      ...(lastRefusal === undefined ? {} : { lastRefusal }),
    };
    options.onProgress?.(progress);
    // After a long wait the meters go on with the present; what they did not measure is nobody's reading.
    startsMs = Math.max(endsMs, Math.floor(clock.nowMs() / intervalMs) * intervalMs);
  }
  return progress;
}

/** As a device with a buffer does: the same bytes until they are acknowledged. Undefined when stopped before. */
async function deliver(
  envelopes: readonly object[],
  { client, clock, until, signal, onRetry }: SimulationOptions,
): Promise<readonly Verdict[] | undefined> {
  while (!signal.aborted) {
    const { verdicts, retryAfterMs, why } = await client.submit(envelopes);
    if (verdicts !== undefined) return verdicts;
    if (signal.aborted) break;
    onRetry?.(`sending again in ${retryAfterMs / 1000} s: ${why}`);
    await until(clock.nowMs() + retryAfterMs, signal);
  }
  return undefined;
}
