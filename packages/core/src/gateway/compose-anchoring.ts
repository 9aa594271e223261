import {
  type AnchorInstance,
  AnchoringEngine,
  anchorPolicySchema,
  type AnchorStatus,
  anchorStatusOf,
  AnchorWatch,
  answerInTime,
  type BatchRule,
  batchRuleOf,
  CONDITIONS,
  keptConditions,
  type Timer,
} from '../anchoring/index.js';
import type { GatewayConfig, PluginInstance } from '../plugins/index.js';
import type { Anchor, AnchorCapabilities, Clock, Logger } from '../spi/index.js';
import type { Store } from '../stores/store.js';

export interface Anchoring {
  readonly engine: AnchoringEngine;
  /** By instance id, in configuration order. */
  readonly anchors: ReadonlyMap<string, AnchorInstance>;
  /** When a batch counts as anchored. */
  readonly rule: BatchRule;
  readonly watch: AnchorWatch;
  status(size: bigint): Promise<readonly AnchorStatus[]>;
}

/** The engine over every configured anchor. */
export async function composeAnchoring(parts: {
  readonly plugins: readonly PluginInstance[];
  readonly config: Pick<GatewayConfig, 'anchors' | 'anchoring'>;
  readonly store: Store;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly logger: Logger;
  readonly holder: string;
}): Promise<Anchoring> {
  const { config, store, clock, logger, holder } = parts;
  const anchors = new Map<string, AnchorInstance>();
  for (const { kind, instanceId, instance, capabilities } of parts.plugins) {
    if (kind !== 'anchor') continue;
    const policy = config.anchors[instanceId]?.policy ?? anchorPolicySchema.parse({});
    anchors.set(instanceId, {
      anchor: answerInTime(instance as Anchor, policy, parts.timer),
      capabilities: capabilities as AnchorCapabilities,
      policy,
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
  const kept = await store.collections(CONDITIONS.owner, CONDITIONS.collections);
  return {
    engine,
    anchors,
    rule: batchRuleOf(config.anchoring, [...anchors.keys()]),
    watch: new AnchorWatch({
      store: store.anchors,
      conditions: keptConditions(kept),
      clock,
      logger,
      anchors,
      tell: (events) => store.outbox.tell(events),
    }),
    status: (size) => anchorStatusOf(size, { store: store.anchors, clock, anchors }),
  };
}
