import type { DeadLetter, NewDeadLetter } from '../../device-desk/dead-letter.js';
import type { DeliveryProgress, DeviceAlert, Severity } from '../../device-desk/device-alert.js';
import {
  type AlertLimits,
  BACK_AFTER_MS,
  type DeviceDeskStore,
  type Kept,
} from '../../device-desk/device-desk.store.js';
import type { DeviceStatus, Presence, Telemetry } from '../../device-desk/device-status.js';
import type { ReportsOfMeter } from '../../logs/erasure.store.js';
import type { Journaled } from '../../logs/journal.js';
import { toHex } from '../../verify/bytes.js';
import {
  numberCursor,
  page,
  readNumberCursor,
  readTextCursor,
  textCursor,
} from '../list-cursor.js';
import type { MemoryChanges } from './memory-changes.js';

type Known = Omit<DeviceStatus, 'openAlerts'>;

/** What arrived, with its place among all of its kind. */
type Arrived<T> = T & { readonly arrival: bigint };

function isBack({ online, why, sinceMs }: Presence, seenAtMs: number): boolean {
  if (online) return false;
  if (why === 'timeout') return seenAtMs > sinceMs;
  return (why === 'disconnected' || why === 'will') && seenAtMs >= sinceMs + BACK_AFTER_MS;
}

export class MemoryDeviceDesk implements DeviceDeskStore {
  private readonly devices = new Map<string, Known>();
  private readonly alertsById = new Map<string, Arrived<DeviceAlert>>();
  private reports: Arrived<DeliveryProgress>[] = [];
  private letters: Arrived<DeadLetter>[] = [];
  private arrivals = 0n;

  constructor(
    private readonly changes: MemoryChanges,
    private readonly isMeter: (device: string) => Promise<boolean>,
    /** And somebody has said that it is its owner's. */
    private readonly isApproved: (device: string) => Promise<boolean>,
  ) {}

  putPresence(
    device: string,
    presence: Presence,
    seenAtMs: number | undefined,
    maxStrangers: number,
    nowMs: number,
  ): Promise<Kept> {
    return this.changed(device, maxStrangers, (known) => {
      const { sinceMs = -Infinity } = known.presence ?? {};
      return sinceMs > presence.sinceMs && sinceMs <= nowMs
        ? known
        : { ...known, presence, ...latest(known, seenAtMs) };
    });
  }

  putTelemetry(
    device: string,
    telemetry: Telemetry,
    seenAtMs: number,
    maxStrangers: number,
  ): Promise<Kept> {
    return this.changed(device, maxStrangers, (known) =>
      (known.telemetry?.atMs ?? -Infinity) > telemetry.atMs
        ? known
        : { ...known, telemetry, ...latest(known, seenAtMs) },
    );
  }

  putSeen(seen: ReadonlyMap<string, number>): Promise<void> {
    return this.changes.run(async () => {
      for (const [device, atMs] of seen) {
        const known = this.devices.get(device);
        if (known === undefined && !(await this.isMeter(device))) continue;
        const { presence } = known ?? {};
        const revived =
          presence !== undefined && isBack(presence, atMs)
            ? { presence: { online: true, why: 'status' as const, sinceMs: atMs } }
            : {};
        this.devices.set(device, { device, ...known, ...revived, ...latest(known, atMs) });
      }
    });
  }

  putSilent(silentSinceMs: number, nowMs: number): Promise<number> {
    return this.changes.run(() => {
      const silent = [...this.devices.values()].filter(
        ({ presence, seenAtMs = 0 }) =>
          presence?.online === true && Math.max(presence.sinceMs, seenAtMs) < silentSinceMs,
      );
      for (const known of silent)
        this.devices.set(known.device, {
          ...known,
          presence: { online: false, why: 'timeout', sinceMs: nowMs },
        });
      return silent.length;
    });
  }

  putAlert(
    alert: DeviceAlert,
    limits: AlertLimits,
    told: Journaled,
  ): Promise<'kept' | 'duplicate' | 'full' | 'alerts_full'> {
    return this.changes.run(async (journal) => {
      const { id, device, receivedAtMs } = alert;
      if (!(await this.hasRoom(device, limits.maxStrangers))) return 'full';
      const known = this.devices.get(device);
      this.devices.set(device, { device, ...known, ...latest(known, receivedAtMs) });
      if (this.alertsById.has(id)) return 'duplicate';
      if (!(await this.hasRoomForAlert(alert, limits))) return 'alerts_full';
      await journal(told);
      this.alertsById.set(id, { ...alert, arrival: this.arrive() });
      const own = [...this.alertsById.values()].filter((one) => one.device === device);
      for (const old of own.slice(0, -limits.ofDevice))
        if (old.cleared !== undefined) this.alertsById.delete(old.id);
      return 'kept';
    });
  }

  private async hasRoomForAlert(
    { device, severity }: DeviceAlert,
    limits: AlertLimits,
  ): Promise<boolean> {
    const open = [...this.alertsById.values()].filter(({ cleared }) => cleared === undefined);
    const own = open.filter((one) => one.device === device);
    if (await this.isApproved(device))
      return own.filter((one) => one.severity === severity).length < limits.openOfMeter;
    let strange = 0;
    for (const one of open) if (!(await this.isMeter(one.device))) strange += 1;
    return own.length < limits.openOfStranger && strange < limits.openOfStrangers;
  }

  async openBefore(beforeMs: number, limit: number): Promise<readonly DeviceAlert[]> {
    const found: DeviceAlert[] = [];
    for (const one of this.alertsById.values())
      if (one.cleared === undefined && one.receivedAtMs < beforeMs && found.length < limit)
        if (await this.isMeter(one.device)) found.push(withoutArrival(one));
    return found;
  }

  async alert(id: string): Promise<DeviceAlert | undefined> {
    const found = this.alertsById.get(id);
    return found === undefined ? undefined : withoutArrival(found);
  }

  clearAlert(
    id: string,
    cleared: NonNullable<DeviceAlert['cleared']>,
    said: Journaled,
  ): Promise<DeviceAlert | undefined> {
    return this.changes.run(async (journal) => {
      const found = this.alertsById.get(id);
      if (found === undefined) return undefined;
      if (found.cleared !== undefined) return withoutArrival(found);
      await journal(said);
      const now = { ...found, cleared };
      this.alertsById.set(id, now);
      return withoutArrival(now);
    });
  }

  async alerts(query: Parameters<DeviceDeskStore['alerts']>[0]) {
    const found = [...this.alertsById.values()].filter(
      ({ device, accountId, cleared }) =>
        (query.device ?? device) === device &&
        ((query.accountId ?? accountId) === accountId ||
          (query.orOpen === true && cleared === undefined)) &&
        (query.open ?? cleared === undefined) === (cleared === undefined),
    );
    return newestFirst(found, query);
  }

  putProgress(
    report: DeliveryProgress,
    max: { readonly ofTransfer: number; readonly ofAccount: number },
    told: Journaled,
  ): Promise<'kept' | 'duplicate'> {
    return this.changes.run(async (journal) => {
      const alike = this.reports.filter(({ transferId }) => transferId === report.transferId);
      if (alike.some(({ hash }) => toHex(hash) === toHex(report.hash))) return 'duplicate';
      const own = alike.filter(({ accountId }) => accountId === report.accountId);
      await journal(told);
      const kept = { ...report, arrival: this.arrive() };
      const all = this.reports.filter(({ accountId }) => accountId === report.accountId);
      const gone = new Set([
        ...[...own, kept].slice(0, -max.ofTransfer),
        ...[...all, kept].slice(0, -max.ofAccount),
      ]);
      this.reports = [...this.reports, kept].filter((one) => !gone.has(one));
      return 'kept';
    });
  }

  async progress(query: Parameters<DeviceDeskStore['progress']>[0]) {
    const found = this.reports.filter(
      ({ transferId, accountId }) =>
        transferId === query.transferId && (query.accountId ?? accountId) === accountId,
    );
    return newestFirst(found, query);
  }

  putDeadLetter(
    letter: NewDeadLetter,
    { perSource, inAll }: { readonly perSource: number; readonly inAll: number },
  ): Promise<void> {
    return this.changes.run(() => {
      const arrival = this.arrive();
      this.letters.push({ ...letter, id: String(arrival), arrival });
      const own = this.letters.filter(({ source }) => source === letter.source);
      const gone = new Set(own.slice(0, Math.max(0, own.length - perSource)));
      this.letters = this.letters.filter((one) => !gone.has(one)).slice(-inAll);
    });
  }

  async deadLetters(query: Parameters<DeviceDeskStore['deadLetters']>[0]) {
    const found = this.letters.filter(
      ({ source, code }) => (query.source ?? source) === source && (query.code ?? code) === code,
    );
    return newestFirst(found, query);
  }

  async get(device: string): Promise<DeviceStatus | undefined> {
    const known = this.devices.get(device);
    return known === undefined ? undefined : this.shown(known);
  }

  async find(devices: readonly string[]): Promise<readonly DeviceStatus[]> {
    const wanted = new Set(devices);
    return this.sorted().filter(({ device }) => wanted.has(device));
  }

  async list({ limit, cursor }: Parameters<DeviceDeskStore['list']>[0]) {
    const behind = cursor === undefined ? undefined : readTextCursor(cursor);
    const found = this.sorted().filter(
      ({ device }) => behind === undefined || Buffer.compare(utf8(device), utf8(behind)) > 0,
    );
    return page(found, limit, ({ device }) => textCursor(device));
  }

  async counts(): ReturnType<DeviceDeskStore['counts']> {
    const open = [...this.alertsById.values()].filter(({ cleared }) => cleared === undefined);
    const count = (severity: Severity): number =>
      open.filter((one) => one.severity === severity).length;
    return {
      online: [...this.devices.values()].filter(({ presence }) => presence?.online).length,
      openAlerts: {
        info: count('info'),
        warning: count('warning'),
        critical: count('critical'),
      },
    };
  }

  prune(before: Parameters<DeviceDeskStore['prune']>[0]): ReturnType<DeviceDeskStore['prune']> {
    return this.changes.run(async () => {
      let forgotten = 0;
      for (const [id, { device, cleared, receivedAtMs }] of this.alertsById) {
        const isOver = cleared !== undefined && cleared.atMs < before.alertsMs;
        const isStrange = receivedAtMs < before.strangerAlertsMs && !(await this.isMeter(device));
        if (isStrange && cleared === undefined) forgotten += 1;
        if (isOver || isStrange) this.alertsById.delete(id);
      }
      this.reports = this.reports.filter(({ receivedAtMs }) => receivedAtMs >= before.progressMs);
      const alerted = new Set([...this.alertsById.values()].map(({ device }) => device));
      for (const { device, seenAtMs, presence } of this.devices.values()) {
        if ((seenAtMs ?? presence?.sinceMs ?? 0) >= before.strangersMs || alerted.has(device))
          continue;
        if (!(await this.isMeter(device))) this.devices.delete(device);
      }
      return { forgotten };
    });
  }

  /** For who is in a transaction already: what the device of a meter told. The ids of its alerts go with the counts. */
  eraseReports({ meterId, fromMs = -Infinity, toMs = Infinity }: ReportsOfMeter) {
    const isOf = (...instants: readonly number[]): boolean =>
      instants.some((ms) => ms >= fromMs && ms < toMs);
    const alerts = [...this.alertsById.values()].filter(
      ({ device, atMs, receivedAtMs }) => device === meterId && isOf(atMs, receivedAtMs),
    );
    for (const { id } of alerts) this.alertsById.delete(id);
    const reports = this.reports.filter(
      ({ device, atMs, receivedAtMs }) => device === meterId && isOf(atMs, receivedAtMs),
    );
    this.reports = this.reports.filter((one) => !reports.includes(one));
    const letters = this.letters.filter(
      ({ device, source, atMs }) =>
        isOf(atMs) && (device === meterId || source.split('/').includes(meterId)),
    );
    this.letters = this.letters.filter((one) => !letters.includes(one));
    const known = this.devices.get(meterId);
    const hasTelemetry = known?.telemetry !== undefined && isOf(known.telemetry.atMs);
    if (known !== undefined) {
      const { presence, telemetry, seenAtMs } = known;
      this.devices.set(meterId, {
        device: meterId,
        ...(presence === undefined || isOf(presence.sinceMs) ? {} : { presence }),
        ...(telemetry === undefined || hasTelemetry ? {} : { telemetry }),
        ...(seenAtMs === undefined || isOf(seenAtMs) ? {} : { seenAtMs }),
      });
    }
    return {
      alertIds: alerts.map(({ id }) => id),
      telemetry: hasTelemetry ? 1 : 0,
      deliveries: reports.length,
      deadLetters: letters.length,
    };
  }

  private changed(
    device: string,
    maxStrangers: number,
    change: (known: Known) => Known,
  ): Promise<Kept> {
    return this.changes.run(async () => {
      if (!(await this.hasRoom(device, maxStrangers))) return 'full';
      this.devices.set(device, change(this.devices.get(device) ?? { device }));
      return 'kept';
    });
  }

  private async hasRoom(device: string, maxStrangers: number): Promise<boolean> {
    if (this.devices.has(device) || (await this.isMeter(device))) return true;
    let strangers = 0;
    for (const known of this.devices.keys()) if (!(await this.isMeter(known))) strangers += 1;
    return strangers < maxStrangers;
  }

  private openAlerts(device: string): number {
    return [...this.alertsById.values()].filter(
      (one) => one.device === device && one.cleared === undefined,
    ).length;
  }

  private shown(known: Known): DeviceStatus {
    return { ...known, openAlerts: this.openAlerts(known.device) };
  }

  private sorted(): readonly DeviceStatus[] {
    return [...this.devices.values()]
      .toSorted((a, b) => Buffer.compare(utf8(a.device), utf8(b.device)))
      .map((known) => this.shown(known));
  }

  private arrive(): bigint {
    this.arrivals += 1n;
    return this.arrivals;
  }
}

const utf8 = (text: string): Buffer => Buffer.from(text, 'utf8');

function latest(
  known: { readonly seenAtMs?: number } | undefined,
  atMs: number | undefined,
): { readonly seenAtMs?: number } {
  const seen = [known?.seenAtMs, atMs].filter((one) => one !== undefined);
  return seen.length === 0 ? {} : { seenAtMs: Math.max(...seen) };
}

function withoutArrival<T>({ arrival: _arrival, ...rest }: Arrived<T>): T {
  return rest as T;
}

function newestFirst<T>(
  found: readonly Arrived<T>[],
  { limit, cursor }: { readonly limit: number; readonly cursor?: string },
): { readonly items: readonly T[]; readonly cursor?: string } {
  const before = cursor === undefined ? undefined : readNumberCursor(cursor);
  const left = found
    .filter(({ arrival }) => before === undefined || arrival < before)
    .toSorted((a, b) => (a.arrival > b.arrival ? -1 : 1));
  const { items, ...rest } = page(left, limit, ({ arrival }) => numberCursor(arrival));
  return { ...rest, items: items.map((one) => withoutArrival<T>(one)) };
}
