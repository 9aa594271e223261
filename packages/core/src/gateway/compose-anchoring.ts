import {
  type AnchorInstance,
  AnchoringEngine,
  anchorPolicySchema,
  type AnchorStatus,
  anchorStatusOf,
} from '../anchoring/index.js';
import type { GatewayConfig, PluginInstance } from '../plugins/index.js';
import type { Anchor, AnchorCapabilities, Clock, Logger } from '../spi/index.js';
import type { Store } from '../stores/store.js';

export interface Anchoring {
  readonly engine: AnchoringEngine;
  /** By instance id, in configuration order. */
  readonly anchors: ReadonlyMap<string, AnchorInstance>;
  status(size: bigint): Promise<readonly AnchorStatus[]>;
}

/** The engine over every configured anchor. */
export function composeAnchoring(parts: {
  readonly plugins: readonly PluginInstance[];
  /** The configuration's anchor blocks, for their policies. */
  readonly blocks: GatewayConfig['anchors'];
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly holder: string;
}): Anchoring {
  const { store, clock, logger, holder } = parts;
  const anchors = new Map<string, AnchorInstance>();
  for (const { kind, instanceId, instance, capabilities } of parts.plugins) {
    if (kind !== 'anchor') continue;
    anchors.set(instanceId, {
      anchor: instance as Anchor,
      capabilities: capabilities as AnchorCapabilities,
      policy: parts.blocks[instanceId]?.policy ?? anchorPolicySchema.parse({}),
    });
  }
  const engine = new AnchoringEngine({
    store: store.anchors,
    leases: store.leases,
    clock,
    logger,
    holder,
    anchors,
  });
  return {
    engine,
    anchors,
    status: (size) => anchorStatusOf(size, { store: store.anchors, clock, anchors }),
  };
}
