import { dirname, resolve } from 'node:path';
import { setImmediate as yieldTurn } from 'node:timers/promises';
import { newestOnLedgers } from '../anchoring/index.js';
import { Batcher } from '../batching/batcher.js';
import { BatchingConfig } from '../batching/batching.config.js';
import { CheckpointSigner } from '../batching/checkpoint-signer.js';
import { FileMark, MemoryMark } from '../batching/high-water-mark.js';
import { type LogKeys, openLogKeys } from '../batching/log-keys.js';
import { nativeHashing } from '../hashing/native-hashing.js';
import type { GatewayConfig } from '../plugins/index.js';
import type { Clock, Logger } from '../spi/index.js';
import type { Store } from '../stores/store.js';
import { commitmentOf } from '../verify/index.js';
import type { Anchoring } from './compose-anchoring.js';
import type { BatchPolicy } from './gateway-options.js';

/** How long the ledgers are asked at start for what they remember of this log. */
const ASK_LEDGERS_MS = 15_000;

export interface Batching {
  readonly batcher: Batcher;
  /** One look at what waits, by the embedder's policy or by age and count. */
  tick(): Promise<void>;
  /** Compares the store with what key and ledgers remember, then repairs what a crash left half-done. */
  start(): Promise<void>;
}

/** The keys of the log, created on first start. */
export function openKeys(
  config: GatewayConfig,
  parts: {
    readonly clock: Clock;
    readonly random: (length: number) => Uint8Array;
    readonly stateFolder?: string | undefined;
  },
): Promise<LogKeys> {
  const { key, receiptKey, previous } = config.log;
  const { clock, random } = parts;
  const beside = typeof key === 'string' ? resolve('.wattproof') : dirname(key.file);
  return openLogKeys({
    origin: config.origin,
    key,
    ...(receiptKey === undefined ? {} : { receiptKey }),
    previous,
    random,
    nowMs: () => clock.nowMs(),
    stateFolder: parts.stateFolder ?? beside,
  });
}

export function composeBatching(parts: {
  readonly config: GatewayConfig;
  readonly keys: LogKeys;
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly anchoring: Anchoring;
  readonly policy: BatchPolicy | undefined;
}): Batching {
  const { keys, store, clock, logger, anchoring, policy } = parts;
  const { origin } = parts.config;
  // A log that ends with its process is not rolled back by the next one beginning anew.
  const mark =
    store.durability === 'memory' ? new MemoryMark() : new FileMark(keys.markFile, origin);
  const config = BatchingConfig.parse(parts.config.batching);
  // What it compiles is compiled now, not while the first batch is sealed.
  nativeHashing.pairs(config.profile);
  const batcher = new Batcher({
    origin,
    config,
    batches: store.batches,
    entries: store.entries,
    signer: new CheckpointSigner(origin, keys.checkpoint, mark),
    clock,
    hashing: nativeHashing,
    logger,
    yieldTurn: async () => {
      await yieldTurn();
    },
    onCheckpoint: ({ number, logRoot }) =>
      anchoring.engine.enqueue(commitmentOf(origin, number + 1, logRoot, nativeHashing.sha256)),
  });
  return {
    batcher,
    async tick() {
      if (policy === undefined) {
        await batcher.tick();
        return;
      }
      const { external, system, oldestReceivedAtMs } = await store.entries.unsealed();
      const nowMs = clock.nowMs();
      const oldestAgeMs = nowMs - (oldestReceivedAtMs ?? nowMs);
      if (policy.due({ external, system, oldestAgeMs })) await batcher.flush();
    },
    async start() {
      const signal = AbortSignal.timeout(ASK_LEDGERS_MS);
      const { newest } = await newestOnLedgers(origin, anchoring.anchors, logger, signal);
      await batcher.checkContinuity(newest);
      if (batcher.refusal !== undefined) return;
      await batcher.resume();
      const head = await store.batches.head();
      // A checkpoint that was signed and not handed over before the process ended; doing it again changes nothing.
      if (head?.checkpoint !== undefined) {
        await anchoring.engine.enqueue(
          commitmentOf(origin, head.number + 1, head.logRoot, nativeHashing.sha256),
        );
      }
    },
  };
}
