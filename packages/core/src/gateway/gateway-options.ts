import type { ActiveDetector } from '../detectors/active-detector.js';
import type { ConfiguredPlugin, GatewayConfig } from '../plugins/index.js';
import type { Clock, Logger } from '../spi/index.js';
import type { Store } from '../stores/store.js';

/** What a gateway is assembled from. Everything but the configuration has a production default. */
export interface GatewayOptions {
  /** A configuration that passed `gatewayConfigSchema`. */
  readonly config: GatewayConfig;
  /** Absolute path of the configuration file: plugins are looked up beside it. Default: the working directory. */
  readonly configFile?: string;
  /** Plugins that are already loaded; default: those the configuration names. */
  readonly plugins?: readonly ConfiguredPlugin[];
  /** An open store, which the caller then closes; default: the one `config.store.url` names. */
  readonly store?: Store;
  readonly logger?: Logger;
  /** Folder of what is remembered beside a log key that is given as text; default: `.wattproof`. */
  readonly stateFolder?: string;
  readonly clock?: Clock;
  /** Cryptographically random bytes. */
  readonly random?: (length: number) => Uint8Array;
  /** Replaces parts of the assembly. */
  readonly replace?: GatewayReplacements;
}

/** Seams for an embedder's own policies. */
export interface GatewayReplacements {
  /** When to seal; default: by age and by count, as configured. */
  readonly batchPolicy?: BatchPolicy;
  /** Which detectors look at readings; default: those of the configuration, or those of core. */
  readonly detectors?: readonly ActiveDetector[];
}

/** Decides whether what waits is sealed now. Asked at every tick of the batcher. */
export interface BatchPolicy {
  due(waiting: {
    readonly external: number;
    readonly system: number;
    readonly oldestAgeMs: number;
  }): boolean;
}

export const systemClock: Clock = { nowMs: () => Date.now() };

/** Says nothing. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
