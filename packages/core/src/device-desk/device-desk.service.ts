import type { MeterDirectory } from '../devices/meter-directory.js';
import { ownerAt } from '../devices/meter-ownership.js';
import { OPERATION } from '../events/notices/notice-rules.js';
import type { Journaled } from '../logs/journal.js';
import type { Clock, DeviceDesk, DomainEvent, JsonObject } from '../spi/index.js';
import { DeskRefusal } from '../spi/index.js';
import { deadLetterOf } from './dead-letter.js';
import { type DeviceAlert, SEVERITIES } from './device-alert.js';
import type { DeskConfig } from './device-desk.config.js';
import type { DeviceDeskStore, Kept } from './device-desk.store.js';
import { speaksForOwner } from './device-view.js';
import { type DeviceStatus, PRESENCE_REASONS } from './device-status.js';
import {
  checkedBody,
  checkedDevice,
  checkedEnergy,
  checkedInstant,
  checkedName,
  contentHash,
  sentenceOf,
  wordOf,
} from './desk-reports.js';
import { LastSeen } from './last-seen.js';

/** The last one there is (ECMA-262, time values). */
const LAST_INSTANT_MS = 8_640_000_000_000_000;
/** Codes that are counted each by itself; a transport that makes up codes must not grow without end. */
const MAX_COUNTED_CODES = 64;

/** Keeps what devices say besides readings, and tells whom it concerns. */
export class DeviceDeskService implements Omit<DeviceDesk, 'answered'> {
  private readonly lastSeen: LastSeen;
  private readonly lettersByCode = new Map<string, number>();
  private readonly lost = { refused: 0, forgotten: 0 };

  constructor(
    private readonly parts: {
      readonly store: DeviceDeskStore;
      readonly directory: Pick<MeterDirectory, 'meter'>;
      readonly clock: Clock;
      readonly config: DeskConfig;
    },
  ) {
    this.lastSeen = new LastSeen(parts.config.maxSeen);
  }

  seen(device: string, atMs: number): void {
    const nowMs = this.parts.clock.nowMs();
    try {
      checkedDevice(device);
    } catch {
      return;
    }
    if (Number.isFinite(atMs) && atMs >= 0)
      this.lastSeen.note(device, Math.floor(Math.min(atMs, nowMs)));
  }

  /** Writes what was seen since the last time. */
  flushSeen(): Promise<void> {
    return this.lastSeen.flush((seen) => this.parts.store.putSeen(seen));
  }

  /** Takes those that were silent for too long for offline. */
  async findSilent(): Promise<void> {
    const { store, clock, config } = this.parts;
    const nowMs = clock.nowMs();
    await store.putSilent(nowMs - config.silentAfterMs, nowMs);
  }

  async presence(change: Parameters<DeviceDesk['presence']>[0]): Promise<void> {
    const { store, clock, config } = this.parts;
    const device = checkedDevice(change.device);
    const online = change.state === 'online';
    if ((!online && change.state !== 'offline') || !PRESENCE_REASONS.includes(change.why))
      throw new DeskRefusal('report_invalid', 'a device is "online" or "offline", for a reason');
    const nowMs = clock.nowMs();
    // A clock that runs ahead must not make what comes later look older.
    const sinceMs = Math.min(checkedInstant(change.atMs, Number.MAX_SAFE_INTEGER), nowMs);
    // A last will or a silence is no sign of life.
    const alive = online || change.why === 'disconnected' || change.why === 'status';
    const presence = { online, why: change.why, sinceMs };
    roomFor(
      await store.putPresence(
        device,
        presence,
        alive ? sinceMs : undefined,
        config.maxStrangers,
        nowMs,
      ),
      config,
    );
  }

  async telemetry(report: Parameters<DeviceDesk['telemetry']>[0]): Promise<void> {
    const { store, clock, config } = this.parts;
    const device = checkedDevice(report.device);
    const nowMs = clock.nowMs();
    const available = checkedEnergy(report.availableEnergyUWh);
    const telemetry = {
      atMs: checkedInstant(report.atMs, nowMs + config.maxFutureMs),
      ...(available === undefined ? {} : { availableEnergyUWh: available }),
      body: checkedBody(report.body, config),
    };
    roomFor(await store.putTelemetry(device, telemetry, nowMs, config.maxStrangers), config);
  }

  async alert(
    given: Parameters<DeviceDesk['alert']>[0],
  ): Promise<{ readonly id: string; readonly duplicate: boolean }> {
    const { store, clock, config } = this.parts;
    const device = checkedDevice(given.device);
    if (!SEVERITIES.includes(given.severity))
      throw new DeskRefusal('report_invalid', `a severity is one of ${SEVERITIES.join(', ')}`);
    // An emergency is told whatever the clock of the device says.
    const atMs = Math.min(checkedInstant(given.atMs, Number.MAX_SAFE_INTEGER), LAST_INSTANT_MS);
    const { severity } = given;
    const [code, text] = [wordOf(given.code, 'unnamed'), sentenceOf(given.text)];
    const body = checkedBody(given.body, config);
    const hash = contentHash({ device, severity, code, text, at_ms: atMs, body });
    const receivedAtMs = clock.nowMs();
    const { accountId, data } = await this.concerned(device, receivedAtMs);
    const id = `al_${hash.toString('hex').slice(0, 32)}`;
    const alert: DeviceAlert = {
      id,
      device,
      accountId,
      severity,
      code,
      text,
      atMs,
      receivedAtMs,
      body,
    };
    const told = telling({
      type: 'device.alert',
      atMs: receivedAtMs,
      data: { ...data, alert: id, severity, code, text, at: instantOf(atMs) },
    });
    const kept = await store.putAlert(
      alert,
      {
        openOfMeter: config.maxOpenAlerts,
        openOfStranger: config.maxOpenAlertsOfStranger,
        openOfStrangers: config.maxOpenAlertsOfStrangers,
        ofDevice: config.maxAlerts,
        maxStrangers: config.maxStrangers,
      },
      told,
    );
    if (kept === 'alerts_full' || kept === 'full') this.lost.refused += 1;
    if (kept === 'alerts_full')
      throw new DeskRefusal(
        'alerts_full',
        'the device, or all that are no registered meters, have as many alerts that nobody has cleared as they may have; clear some',
      );
    if (kept === 'full') roomFor(kept, config);
    return { id, duplicate: kept === 'duplicate' };
  }

  async progress(report: Parameters<DeviceDesk['progress']>[0]): Promise<void> {
    const { store, clock, config } = this.parts;
    const transferId = checkedName(report.transferId, 'the id of a transfer', 'report_invalid');
    const receivedAtMs = clock.nowMs();
    const device = report.device === undefined ? undefined : checkedDevice(report.device);
    const state = wordOf(report.state, 'unknown');
    const delivered = checkedEnergy(report.deliveredUWh);
    const atMs = checkedInstant(report.atMs, receivedAtMs + config.maxFutureMs);
    const body = checkedBody(report.body, config);
    const said = {
      transfer: transferId,
      state,
      ...(delivered === undefined ? {} : { delivered_uwh: String(delivered) }),
      at: instantOf(atMs),
    };
    const { accountId, data } = await this.concerned(device, receivedAtMs);
    await store.putProgress(
      {
        transferId,
        hash: contentHash({ ...said, device: device ?? null, body }),
        ...(device === undefined ? {} : { device }),
        accountId,
        state,
        ...(delivered === undefined ? {} : { deliveredUWh: delivered }),
        atMs,
        receivedAtMs,
        body,
      },
      { ofTransfer: config.maxProgress, ofAccount: config.maxProgressOfAccount },
      telling({ type: 'delivery.progress', atMs: receivedAtMs, data: { ...data, ...said } }),
    );
  }

  async deadLetter(given: Parameters<DeviceDesk['deadLetter']>[0]): Promise<void> {
    const { store, clock, config } = this.parts;
    const letter = deadLetterOf(given, clock.nowMs());
    await store.putDeadLetter(letter, {
      perSource: config.maxDeadLettersPerSource,
      inAll: config.maxDeadLetters,
    });
    const known = this.lettersByCode.has(letter.code);
    const code = known || this.lettersByCode.size < MAX_COUNTED_CODES ? letter.code : 'other';
    this.lettersByCode.set(code, (this.lettersByCode.get(code) ?? 0) + 1);
  }

  /** Dead letters of this process by code, since it started. */
  deadLetterCounts(): ReadonlyMap<string, number> {
    return this.lettersByCode;
  }

  /** What is known of the device, with what was seen of it and not written yet. */
  async status(device: string): Promise<DeviceStatus | undefined> {
    const found = await this.parts.store.get(device);
    return found && this.fresh(found);
  }

  /** With what was seen and not written yet. */
  fresh(status: DeviceStatus): DeviceStatus {
    const seenAtMs = Math.max(this.lastSeen.of(status.device) ?? 0, status.seenAtMs ?? 0);
    return seenAtMs === 0 ? status : { ...status, seenAtMs };
  }

  /** Alerts that nobody has cleared and that are not kept, of this process since it started: found no room, or were too old. */
  lostAlerts(): { readonly refused: number; readonly forgotten: number } {
    return this.lost;
  }

  /** Ends what has been there for longer than it is kept. */
  async prune(): Promise<void> {
    const { store, clock, config } = this.parts;
    const nowMs = clock.nowMs();
    const { forgotten } = await store.prune({
      alertsMs: nowMs - config.keepAlertsMs,
      strangerAlertsMs: nowMs - config.keepStrangerAlertsMs,
      progressMs: nowMs - config.keepProgressMs,
      strangersMs: nowMs - config.keepStrangersMs,
    });
    this.lost.forgotten += forgotten;
  }

  /** Whose the device is: the operators', unless it is a meter that was approved. */
  private async concerned(
    device: string | undefined,
    atMs: number,
  ): Promise<{ readonly accountId: string; readonly data: JsonObject }> {
    const found = device === undefined ? undefined : await this.parts.directory.meter(device);
    const meter = found !== undefined && speaksForOwner(found) ? found : undefined;
    const accountId = meter === undefined ? OPERATION : ownerAt(meter, atMs).accountId;
    const data: JsonObject = {
      account: accountId,
      ...(device === undefined ? {} : { device }),
      ...(meter === undefined ? {} : { meter: meter.meterId }),
    };
    return { accountId, data };
  }
}

/** Committed with a change of which the log says nothing. */
export function telling(...events: readonly Omit<DomainEvent, 'id'>[]): Journaled {
  return {
    rows: [],
    issue: () => {
      throw new Error('an event alone has no receipt');
    },
    events,
  };
}

const instantOf = (ms: number): string => new Date(ms).toISOString();

function roomFor(kept: Kept, { maxStrangers }: DeskConfig): void {
  if (kept === 'full')
    throw new DeskRefusal(
      'desk_full',
      `${maxStrangers} devices that are no registered meters are known; register this one as a meter`,
    );
}
