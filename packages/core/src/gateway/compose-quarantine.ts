import { MintingSuspensions } from '../devices/minting-suspensions.js';
import type { ReceiptIssuer } from '../ingestion/receipt-issuer.js';
import type { RuleSet } from '../ingestion/rule-set.js';
import type { Journal } from '../logs/journal.js';
import type { GatewayConfig } from '../plugins/index.js';
import { QuarantineService } from '../quarantine/quarantine.service.js';
import type { Clock } from '../spi/index.js';
import type { Store } from '../stores/store.js';

/** The review of held readings, and of what devices signed twice. */
export function composeQuarantine(parts: {
  readonly config: GatewayConfig;
  readonly store: Store;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly ruleSet: RuleSet;
  readonly receipts: ReceiptIssuer;
}): {
  readonly quarantine: QuarantineService;
  readonly minting: MintingSuspensions;
  readonly ruleSet: RuleSet;
} {
  const { config, store, clock, journal, ruleSet, receipts } = parts;
  return {
    ruleSet,
    minting: new MintingSuspensions({ store: store.meters, journal, clock }),
    quarantine: new QuarantineService({
      store: store.quarantine,
      entries: store.entries,
      journal,
      clock,
      ruleSet: ruleSet.id,
      minAssurance: config.claims.minAssurance,
      receiptJson: receipts.receiptJson,
    }),
  };
}
