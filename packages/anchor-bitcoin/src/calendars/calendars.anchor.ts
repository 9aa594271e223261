import {
  type Anchor,
  AnchorError,
  type AnchorIntent,
  type AnchorQuote,
  type Attempt,
  type Draft,
  type Evidence,
  type Health,
  type Inclusion,
  type Observation,
  type PluginContext,
  type SignedAttempt,
} from '@wattproof/core/spi';
import type { CheckedBackend } from '../checked-backend.js';
import { isOnNetwork } from '../verify/known-chains.js';
import { openBackend } from '../open-backend.js';
import { otsExport } from '../ots-export.js';
import { bytesOf, hex, readHeader } from '../verify/block-header.js';
import { OPENTIMESTAMPS_EVIDENCE } from '../verify/ots/opentimestamps.verifier.js';
import {
  attestationsOf,
  blockPaths,
  merged,
  type OtsTimestamp,
  withoutBlocks,
} from '../verify/ots/ots-timestamp.js';
import { writeTimestamp } from '../verify/ots/write-ots.js';
import { Calendar } from './calendar.js';
import type { CalendarsConfig } from './calendars.config.js';
import { type Promises, PromiseStore } from './promise-store.js';

const FREE = { amount: 0n, unit: 'digest' } as const;

/** A path from the commitment to a block that is on the best chain. */
interface Anchored {
  readonly path: OtsTimestamp;
  readonly header: string;
  readonly inclusion: Inclusion;
}

/**
 * Commitments given to OpenTimestamps calendars, for people without a wallet. A calendar promises at once and anchors within
 * hours; its word is checked against the headers of a node. Being given one digest twice costs nobody anything.
 */
export class CalendarsAnchor implements Anchor {
  readonly #node: CheckedBackend;
  readonly #calendars: readonly Calendar[];
  readonly #promises: PromiseStore;

  constructor(
    private readonly config: CalendarsConfig,
    context: PluginContext,
  ) {
    if (!context.collections)
      throw new TypeError('The host lends no collections, which "needs" declares.');
    this.#node = openBackend(config, 'none');
    this.#calendars = config.calendars.map((url) => new Calendar(url, config.timeoutMs));
    this.#promises = new PromiseStore(context.collections);
  }

  async quote(): Promise<AnchorQuote> {
    return { fee: FREE };
  }

  async prepare(intent: AnchorIntent): Promise<Draft> {
    const payload = { digest: hex(intent.commitment.digest) };
    return { conflictKey: `free/${intent.id}`, fee: FREE, payload };
  }

  async sign(intent: AnchorIntent, { conflictKey, fee }: Draft): Promise<SignedAttempt> {
    const signed = Uint8Array.from(intent.commitment.digest);
    return { txId: hex(signed), conflictKey, signed, fee };
  }

  async broadcast({ signed }: SignedAttempt, signal: AbortSignal): Promise<'accepted' | 'known'> {
    const known = await this.#promises.of(signed);
    const missing = this.#calendars.filter(({ url }) => !known.has(url));
    if (this.#calendars.length - missing.length >= this.config.atLeast) return 'known';
    const answers = await Promise.allSettled(
      missing.map(async (one) => [one.url, await one.submit(signed, signal)] as const),
    );
    const taken = answers.flatMap((answer) =>
      answer.status === 'fulfilled' ? [answer.value] : [],
    );
    const promises = new Map([...known, ...taken]);
    if (taken.length > 0) await this.#promises.keep(signed, promises);
    if (promises.size >= this.config.atLeast) return 'accepted';
    const refused = answers.flatMap((answer) =>
      answer.status === 'rejected' ? [answer.reason as Error] : [],
    );
    throw new AnchorError(
      'unavailable',
      `${promises.size} of ${this.#calendars.length} calendars have taken the commitment, ${this.config.atLeast} must. ${refused.map(({ message }) => message).join(' ')}`,
      { cause: refused[0] },
    );
  }

  async observe(
    attempts: readonly Attempt[],
    signal: AbortSignal,
  ): Promise<readonly Observation[]> {
    // Nothing is said of a chain that cannot be seen.
    await this.#node.height(signal);
    const observations: Observation[] = [];
    for (const { txId, signed } of attempts) {
      const promises = await this.#promises.of(signed);
      const anchored =
        (await this.#anchored(promises, signal)) ??
        (await this.#anchored(await this.#asked(signed, promises, signal), signal));
      if (anchored) {
        const { inclusion } = anchored;
        const final = inclusion.depth >= this.config.confirmations;
        observations.push({ txId, status: final ? 'final' : 'included', inclusion });
      } else observations.push({ txId, status: promises.size > 0 ? 'seen' : 'missing' });
    }
    return observations;
  }

  async evidence(
    intent: AnchorIntent,
    { signed }: Attempt,
    signal: AbortSignal,
  ): Promise<Evidence> {
    const anchored = await this.#anchored(await this.#promises.of(signed), signal);
    if (!anchored)
      throw new AnchorError('not-found', 'No calendar has shown a block of the best chain yet.');
    const { path, header, inclusion } = anchored;
    return {
      type: OPENTIMESTAMPS_EVIDENCE,
      anchor: intent.anchor,
      ledger: `bitcoin:${this.config.network}`,
      trust: 'spv-pow',
      body: { timestamp: hex(writeTimestamp(path)), header, height: inclusion.height },
    };
  }

  readonly exportProof = otsExport;

  async health(signal: AbortSignal): Promise<Health> {
    const reached = await Promise.allSettled(this.#calendars.map((one) => one.reached(signal)));
    const up = reached.filter(({ status }) => status === 'fulfilled').length;
    const facts = { calendars: up };
    const { atLeast, network } = this.config;
    try {
      const { chain } = await this.#node.chainInfo(signal);
      const detail = !isOnNetwork(chain, network)
        ? `The node is on chain "${chain}" and the anchor is configured for ${network}.`
        : up < atLeast
          ? `${up} calendars answer, ${atLeast} must.`
          : undefined;
      return { live: true, ready: !detail, ...(detail ? { detail } : {}), facts };
    } catch (error) {
      return { live: true, ready: false, detail: (error as Error).message, facts };
    }
  }

  async close(): Promise<void> {}

  /** The promises after every calendar was asked what became of its own. What led to no block of the best chain is forgotten. */
  async #asked(digest: Uint8Array, promises: Promises, signal: AbortSignal): Promise<Promises> {
    const after = new Map(promises);
    const pending = this.#calendars.flatMap((calendar) => {
      const promise = promises.get(calendar.url);
      const waits = promise && withoutBlocks(promise);
      return waits ? [{ calendar, waits }] : [];
    });
    const answers = await Promise.allSettled(
      pending.map(async ({ calendar, waits }) => {
        after.set(calendar.url, await upgrade(calendar, waits, signal));
      }),
    );
    const failures = answers.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
    // While one of them answers the others may be silent.
    if (failures.length > 0 && failures.length === promises.size) throw failures[0];
    if ([...after.values()].some((timestamp) => [...blockPaths(timestamp)].length > 0))
      await this.#promises.keep(digest, after);
    return after;
  }

  /** The earliest block that a promise leads to, among those that the node knows on its best chain. */
  async #anchored(promises: Promises, signal: AbortSignal): Promise<Anchored | undefined> {
    const paths = [...promises.values()].flatMap((promise) => [...blockPaths(promise)]);
    for (const { path, height, root } of paths.sort((a, b) => a.height - b.height)) {
      const inclusion = await this.#node.standing(height, signal);
      if (inclusion === undefined) continue;
      const header = await this.#node.header(inclusion.blockHash, signal);
      const read = readHeader(bytesOf(header) as Uint8Array)!;
      if (hex(read.merkleRoot) === hex(root)) return { path, header, inclusion };
    }
    return undefined;
  }
}

/** The timestamp with what the calendar knows by now of each message it promised to anchor. */
async function upgrade(
  calendar: Calendar,
  timestamp: OtsTimestamp,
  signal: AbortSignal,
): Promise<OtsTimestamp> {
  let grown = timestamp;
  for (const { attestation, message } of attestationsOf(timestamp)) {
    if (attestation.kind !== 'pending') continue;
    const more = await calendar.upgraded(message, signal);
    if (more) grown = grafted(grown, more);
  }
  return grown;
}

function grafted(timestamp: OtsTimestamp, more: OtsTimestamp): OtsTimestamp {
  if (hex(timestamp.message) === hex(more.message)) return merged(timestamp, more);
  return {
    ...timestamp,
    branches: timestamp.branches.map(({ op, next }) => ({ op, next: grafted(next, more) })),
  };
}
