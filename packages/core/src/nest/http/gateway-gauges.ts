import { Gauge, type Registry } from 'prom-client';
import {
  ANCHOR_ALERTS,
  ATTEMPT_STATES,
  INTENT_STATES,
  sizeUnderRule,
} from '../../anchoring/index.js';
import { COMMAND_STATES } from '../../device-commands/device-command.js';
import { SEVERITIES } from '../../device-desk/device-alert.js';
import { anchorOverview, type AnchorOverview } from '../../gateway/anchor-overview.js';
import type { Gateway } from '../../gateway/gateway.js';

/** One group of gauges that is read together; when that fails the group shows nothing rather than what was. */
export interface GaugeGroup {
  readonly name: string;
  /** Costs a question to the store, which nobody may ask as often as `/metrics` can be read. */
  readonly asksStore: boolean;
  read(): Promise<void>;
  reset(): void;
}

interface Declared {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
}

/**
 * What the gateway's parts say of themselves. Labels are taken from closed sets and from the configuration
 * alone: states, parts, jobs and anchors of this gateway, never from a message or a row. Codes of dead letters are words, few, and
 * not a sender's.
 */
export function gatewayGauges(gateway: Gateway, registry: Registry): readonly GaugeGroup[] {
  const groups: GaugeGroup[] = [];
  function group<Name extends string>(
    name: string,
    asksStore: boolean,
    declared: Readonly<Record<Name, Declared>>,
    fill: (gauges: Readonly<Record<Name, Gauge>>) => Promise<void> | void,
  ): void {
    const gauges = Object.fromEntries(
      Object.entries<Declared>(declared).map(([key, { labels = [], ...about }]) => [
        key,
        new Gauge({ ...about, labelNames: [...labels], registers: [registry] }),
      ]),
    ) as Record<Name, Gauge>;
    const reset = (): void => {
      for (const [key, { labels = [] }] of Object.entries<Declared>(declared)) {
        const gauge = gauges[key as Name];
        // Without labels `reset` would say 0, which is an answer too.
        if (labels.length > 0) gauge.reset();
        else gauge.remove();
      }
    };
    reset();
    groups.push({ name, asksStore, reset, read: async () => fill(gauges) });
  }

  group(
    'queue',
    false,
    {
      rows: {
        name: 'wattproof_ingest_queue_rows',
        help: 'Readings taken in and not yet committed, by whether their group is being written.',
        labels: ['state'],
      },
      bytes: { name: 'wattproof_ingest_queue_bytes', help: 'Estimated bytes of those readings.' },
      age: {
        name: 'wattproof_ingest_queue_oldest_age_seconds',
        help: 'How long the oldest reading waits for its group to be written; 0 when none waits.',
      },
    },
    ({ rows, bytes, age }) => {
      const { waitingRows, heldRows, heldBytes, oldestAgeMs } = gateway.ingestQueue.facts();
      rows.set({ state: 'waiting' }, waitingRows);
      rows.set({ state: 'writing' }, heldRows - waitingRows);
      bytes.set(heldBytes);
      age.set(oldestAgeMs / 1000);
    },
  );

  group(
    'jobs',
    false,
    {
      runs: {
        name: 'wattproof_job_runs',
        help: 'Runs of a job on this replica since it started.',
        labels: ['job'],
      },
      failures: {
        name: 'wattproof_job_failures',
        help: 'Failed runs of a job on this replica since it started.',
        labels: ['job'],
      },
    },
    ({ runs, failures }) => {
      for (const job of gateway.jobs.list()) {
        runs.set({ job: job.name }, job.runs);
        failures.set({ job: job.name }, job.failures);
      }
    },
  );

  group(
    'parts',
    false,
    {
      ready: {
        name: 'wattproof_part_ready',
        help: '1 when a part of the gateway can do its work, else 0.',
        labels: ['part'],
      },
    },
    async ({ ready }) => {
      const { parts } = await gateway.health.all();
      for (const { name, health } of parts) ready.set({ part: name }, health.ready ? 1 : 0);
    },
  );

  group(
    'sealing',
    true,
    {
      entries: {
        name: 'wattproof_unsealed_entries',
        help: 'Entries that wait for a batch.',
        labels: ['source'],
      },
      age: {
        name: 'wattproof_unsealed_oldest_age_seconds',
        help: 'Age of the oldest entry that waits for a batch; 0 when none waits.',
      },
      lag: {
        name: 'wattproof_batcher_lag_seconds',
        help: 'How long the oldest waiting entry is past batching.maxAgeMs; 0 when none is.',
      },
      size: { name: 'wattproof_batch_log_size', help: 'Batches sealed, the whole log.' },
    },
    async ({ entries, age, lag, size }) => {
      const { store, clock, batcher } = gateway;
      const [{ external, system, oldestReceivedAtMs }, head] = await Promise.all([
        store.entries.unsealed(),
        store.batches.head(),
      ]);
      const nowMs = clock.nowMs();
      const ageMs = nowMs - (oldestReceivedAtMs ?? nowMs);
      entries.set({ source: 'external' }, external);
      entries.set({ source: 'system' }, system);
      age.set(ageMs / 1000);
      lag.set(Math.max(0, ageMs - batcher.maxAgeMs) / 1000);
      size.set(head === undefined ? 0 : head.number + 1);
    },
  );

  group(
    'anchors',
    true,
    {
      intents: {
        name: 'wattproof_anchor_intents',
        help: 'Checkpoints to be anchored, by anchor and state; stalled and capped ones need a person.',
        labels: ['anchor', 'state'],
      },
      attempts: {
        name: 'wattproof_anchor_attempts',
        help: 'Signed transactions of an anchor, by state.',
        labels: ['anchor', 'state'],
      },
      fees: {
        name: 'wattproof_anchor_fees_spent',
        help: 'Fees of the transactions that stand on the ledger, in its smallest unit.',
        labels: ['anchor', 'unit'],
      },
      perMillion: {
        name: 'wattproof_anchor_fees_per_million_entries',
        help: 'What anchoring a million entries has cost, over all that the anchor covers.',
        labels: ['anchor', 'unit'],
      },
      perBatch: {
        name: 'wattproof_anchor_fees_per_batch',
        help: 'What anchoring a batch has cost, over all that the anchor covers.',
        labels: ['anchor', 'unit'],
      },
      budget: {
        name: 'wattproof_anchor_budget_left',
        help: 'What policy.maxFeePerDay leaves to be signed now, counted at its worst.',
        labels: ['anchor', 'unit'],
      },
      runway: {
        name: 'wattproof_anchor_runway',
        help: 'Anchors that the balance pays for at the fee the ledger quoted last.',
        labels: ['anchor'],
      },
      alert: {
        name: 'wattproof_anchor_alert',
        help: '1 while an anchor needs a person for this, else 0.',
        labels: ['anchor', 'alert'],
      },
      alertAge: {
        name: 'wattproof_anchor_alert_age_seconds',
        help: 'How long the alert has been holding; 0 when it does not.',
        labels: ['anchor', 'alert'],
      },
      age: {
        name: 'wattproof_anchor_oldest_open_age_seconds',
        help: 'Age of the oldest checkpoint that is not final on the anchor; 0 when all are.',
        labels: ['anchor'],
      },
      size: {
        name: 'wattproof_batch_log_anchored_size',
        help: 'Batches from the first on that count as anchored, or final, under the rule of `anchoring`.',
        labels: ['level'],
      },
    },
    async ({ intents, attempts, fees, age, size, ...rest }) => {
      const nowMs = gateway.clock.nowMs();
      const show = ({ anchor, totals, unit = '', ...found }: AnchorOverview): void => {
        for (const state of INTENT_STATES)
          intents.set({ anchor, state }, totals.intents.get(state) ?? 0);
        for (const state of ATTEMPT_STATES)
          attempts.set({ anchor, state }, totals.attempts.get(state) ?? 0);
        for (const [paid, amount] of totals.feesSpent)
          fees.set({ anchor, unit: paid }, Number(amount));
        if (found.paid > 0n && found.paidPerMillion !== undefined)
          rest.perMillion.set({ anchor, unit }, Number(found.paidPerMillion));
        if (found.paid > 0n && found.paidPerBatch !== undefined)
          rest.perBatch.set({ anchor, unit }, Number(found.paidPerBatch));
        if (found.budget !== undefined && unit !== '')
          rest.budget.set({ anchor, unit }, Number(found.budget.left));
        if (found.runwayAnchors !== undefined) rest.runway.set({ anchor }, found.runwayAnchors);
        for (const alert of ANCHOR_ALERTS) {
          const held = found.condition?.alerts.find(({ code }) => code === alert);
          rest.alert.set({ anchor, alert }, held ? 1 : 0);
          rest.alertAge.set({ anchor, alert }, held ? (nowMs - held.sinceMs) / 1000 : 0);
        }
        age.set({ anchor }, (nowMs - (totals.oldestOpenAtMs ?? nowMs)) / 1000);
      };
      const { anchors, rule } = gateway.anchoring;
      const included = new Map<string, bigint>();
      const final = new Map<string, bigint>();
      for (const [id, instance] of anchors) {
        const overview = await anchorOverview(id, instance, gateway);
        show(overview);
        included.set(id, overview.totals.includedSize ?? 0n);
        final.set(id, overview.totals.finalSize ?? 0n);
      }
      size.set({ level: 'anchored' }, Number(sizeUnderRule(included, rule)));
      size.set({ level: 'final' }, Number(sizeUnderRule(final, rule)));
    },
  );

  group(
    'devices',
    true,
    {
      online: { name: 'wattproof_devices_online', help: 'Devices that are there.' },
      alerts: {
        name: 'wattproof_device_alerts_open',
        help: 'Alerts of devices that nobody has cleared.',
        labels: ['severity'],
      },
      commands: {
        name: 'wattproof_device_commands',
        help: 'Commands to devices by state; those that are over for as long as they are kept.',
        labels: ['state'],
      },
    },
    async ({ online, alerts, commands }) => {
      const { store } = gateway;
      const [desk, states] = await Promise.all([store.desk.counts(), store.commands.counts()]);
      online.set(desk.online);
      for (const severity of SEVERITIES) alerts.set({ severity }, desk.openAlerts[severity]);
      for (const state of COMMAND_STATES) commands.set({ state }, states[state]);
    },
  );

  group(
    'dead letters',
    false,
    {
      letters: {
        name: 'wattproof_dead_letters',
        help: 'What came in and could not be used on this replica since it started, by code.',
        labels: ['code'],
      },
      alerts: {
        name: 'wattproof_device_alerts_lost',
        help: 'Alerts of devices that nobody had cleared and that were not kept open, on this replica since it started: no room, forgotten of devices that are no meters, closed by the gateway.',
        labels: ['why'],
      },
      keys: {
        name: 'wattproof_keys_with_missing_numbers',
        help: 'Device keys with a gap among the newest sequence numbers that came; on the replica that counts.',
      },
      numbers: {
        name: 'wattproof_missing_sequence_numbers',
        help: 'Sequence numbers that are missing there.',
      },
    },
    ({ letters, alerts, keys, numbers }) => {
      for (const [code, count] of gateway.desk.deadLetterCounts()) letters.set({ code }, count);
      const lost = { ...gateway.desk.lostAlerts(), closed: gateway.alerts.closed };
      for (const [why, count] of Object.entries(lost)) alerts.set({ why }, count);
      const missing = gateway.missingNumbers();
      if (missing === undefined) return;
      keys.set(missing.keys);
      numbers.set(Number(missing.numbers));
    },
  );

  return groups;
}
