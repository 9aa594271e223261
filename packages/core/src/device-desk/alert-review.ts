import type { MeterDirectory } from '../devices/meter-directory.js';
import { ownerAt } from '../devices/meter-ownership.js';
import { OPERATION } from '../events/notices/notice-rules.js';
import type { Journal } from '../logs/journal.js';
import type { Clock } from '../spi/index.js';
import type { DeviceAlert } from './device-alert.js';
import type { DeskConfig } from './device-desk.config.js';
import type { DeviceDeskStore } from './device-desk.store.js';

/** Alerts that are closed at once. */
const PAGE = 200;
/** Who closes what nobody has looked at. */
const GATEWAY = 'gateway';
const DAY_MS = 86_400_000;

/** Somebody has looked at an alert; the log keeps who, and why. */
export class AlertReview {
  /** Alerts that were closed since nobody had cleared them, by this process. */
  closed = 0;

  constructor(
    private readonly parts: {
      readonly store: Pick<DeviceDeskStore, 'clearAlert' | 'openBefore'>;
      readonly directory: Pick<MeterDirectory, 'meter'>;
      readonly config: Pick<DeskConfig, 'keepOpenAlertsMs'>;
      readonly journal: Pick<Journal, 'audit'>;
      readonly clock: Clock;
    },
  ) {}

  /** The alert as it is then; clearing it again changes nothing. `accountId`: who owns the device now. */
  async clear(
    alert: DeviceAlert,
    { actor, reason, accountId }: { actor: string; reason: string; accountId?: string },
  ): Promise<DeviceAlert> {
    const { store, journal, clock } = this.parts;
    if (alert.cleared !== undefined) return alert;
    const { id, device } = alert;
    const account = accountId ?? OPERATION;
    const meter = accountId === undefined ? {} : { meter: device };
    const said = journal.audit({
      actor,
      action: 'device.alert_cleared',
      subject: id,
      detail: { ...meter, reason },
      accountId: account,
      event: {
        type: 'device.alert_cleared',
        data: { alert: id, device, ...meter, reason, account },
      },
    });
    const cleared = { by: actor, atMs: clock.nowMs(), reason };
    return (await store.clearAlert(id, cleared, said)) ?? alert;
  }

  /** Closes alerts of meters that nobody has cleared for longer than they are kept; the log says so of each. */
  async closeOld(): Promise<void> {
    const { store, directory, clock, config } = this.parts;
    const reason = `nobody has cleared it for ${config.keepOpenAlertsMs / DAY_MS} days`;
    for (;;) {
      const beforeMs = clock.nowMs() - config.keepOpenAlertsMs;
      const old = await store.openBefore(beforeMs, PAGE);
      for (const alert of old) {
        const meter = await directory.meter(alert.device);
        const owner =
          meter === undefined ? {} : { accountId: ownerAt(meter, clock.nowMs()).accountId };
        const { cleared } = await this.clear(alert, { actor: GATEWAY, reason, ...owner });
        if (cleared?.by === GATEWAY) this.closed += 1;
      }
      if (old.length < PAGE) return;
    }
  }
}
