import { speaksForOwner } from '../../device-desk/device-view.js';
import type { Clock } from '../../spi/index.js';
import type { Store } from '../store.js';
import { StoreUnavailable } from '../store.js';
import { MemoryAccounts } from './accounts.js';
import { MemoryAnchors } from './anchors.js';
import { MemoryBatches } from './batches.js';
import { MemoryDocuments } from './collections.js';
import { MemoryBatchChains } from './batch-chains.js';
import { MemoryDeviceCommands } from './device-commands.js';
import { MemoryDeviceDesk } from './device-desk.js';
import { MemoryEnergy } from './energy-ledger.js';
import { MemoryEntries } from './entries.js';
import { MemoryErasures } from './erasures.js';
import { MemoryFindings } from './findings.js';
import { MemoryIngest } from './ingest.js';
import { MemoryKeys } from './keys.js';
import { MemoryLeases } from './leases.js';
import { MemoryChanges } from './memory-changes.js';
import { LogState } from './log-state.js';
import { MemoryJudgements } from './judgements.js';
import { MemoryQuarantine } from './quarantine.js';
import { MemoryMeters } from './meters.js';
import { MemoryNotices } from './notices.js';
import { MemoryOutbox } from './outbox.js';
import { MemoryReadingList } from './reading-list.js';
import { Transactions } from './transactions.js';
import { MemoryWebhooks } from './webhooks.js';

/** A store that keeps everything in this process and nothing beyond it: for tests and simulations. */
export function openMemoryStore(options: { readonly clock: Clock }): Store {
  const { clock } = options;
  const log = new LogState();
  const transactions = new Transactions();
  const outbox = new MemoryOutbox();
  const leases = new MemoryLeases(clock);
  const batches = new MemoryBatches(log, outbox, transactions);
  const ingest = new MemoryIngest(log, outbox, transactions);
  const changes = new MemoryChanges(transactions, ingest, outbox);
  const meters = new MemoryMeters(clock, changes, log);
  const energy = new MemoryEnergy(log, meters, changes);
  const findings = new MemoryFindings(log, outbox, changes);
  const isErased = (entryId: string): boolean => log.erased.has(entryId);
  const webhooks = new MemoryWebhooks(changes, outbox, isErased);
  const notices = new MemoryNotices(isErased);
  const desk = new MemoryDeviceDesk(
    changes,
    async (id) => (await meters.get(id)) !== undefined,
    async (id) => {
      const meter = await meters.get(id);
      return meter !== undefined && speaksForOwner(meter);
    },
  );
  const commands = new MemoryDeviceCommands(changes);
  const documents = new MemoryDocuments();
  let closed = false;
  return {
    kind: 'memory',
    durability: 'memory',
    ingest,
    entries: new MemoryEntries(log, (number) => batches.allEntryIds(number)),
    batches,
    anchors: new MemoryAnchors(leases, outbox, clock),
    leases,
    meters,
    keys: new MemoryKeys(log, meters, changes),
    chains: new MemoryBatchChains(changes, meters),
    energy,
    findings,
    readingList: new MemoryReadingList(log, meters, energy),
    erasures: new MemoryErasures(
      log,
      energy,
      findings,
      outbox,
      [webhooks, notices],
      desk,
      commands,
      changes,
    ),
    accounts: new MemoryAccounts(changes),
    outbox,
    webhooks,
    notices,
    desk,
    commands,
    judgements: new MemoryJudgements(log),
    quarantine: new MemoryQuarantine(log, ingest, changes, meters),
    async collections(instanceId, declarations) {
      return documents.open(instanceId, declarations);
    },
    async health() {
      return { live: true, ready: !closed, facts: { entries: log.entries.length } };
    },
    async close() {
      transactions.close(
        new StoreUnavailable('this memory store is closed; open another one (its content is gone)'),
      );
      await transactions.settled();
      closed = true;
    },
  };
}
