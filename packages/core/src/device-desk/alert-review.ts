import { OPERATION } from '../events/notices/notice-rules.js';
import type { Journal } from '../logs/journal.js';
import type { Clock } from '../spi/index.js';
import type { DeviceAlert } from './device-alert.js';
import type { DeviceDeskStore } from './device-desk.store.js';

/** Somebody has looked at an alert; the log keeps who, and why. */
export class AlertReview {
  constructor(
    private readonly parts: {
      readonly store: Pick<DeviceDeskStore, 'clearAlert'>;
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
}
