import { DeviceDeskService } from '../device-desk/device-desk.service.js';
import { DevicesConfig } from '../devices/devices.config.js';
import type { MeterDirectory } from '../devices/meter-directory.js';
import type { SignatureVerifier } from '../devices/signature-verifier.js';
import type { Job } from '../jobs/job.js';
import type { GatewayConfig } from '../plugins/index.js';
import type { Clock, DeviceDesk } from '../spi/index.js';
import type { Store } from '../stores/store.js';

/** How often what is kept for too long is looked for. */
const PRUNE = { periodMs: 3_600_000, leaseMs: 7_200_000 } as const;

export interface ComposedDesk {
  readonly service: DeviceDeskService;
  /** What transports get. */
  readonly lent: DeviceDesk;
  readonly jobs: readonly Job[];
  stop(): Promise<void>;
}

/** What devices say besides readings. Before the plugins: it is lent to transports. */
export function composeDeviceDesk(parts: {
  readonly config: GatewayConfig;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: (length: number) => Uint8Array;
  readonly directory: MeterDirectory;
  readonly signatures: SignatureVerifier;
}): ComposedDesk {
  const { store, clock, directory } = parts;
  const { desk: config } = DevicesConfig.parse(parts.config.devices);
  const desk = new DeviceDeskService({ store: store.desk, directory, clock, config });
  const lent: DeviceDesk = {
    seen: (device, atMs) => desk.seen(device, atMs),
    presence: (change) => desk.presence(change),
    telemetry: (report) => desk.telemetry(report),
    alert: (alert) => desk.alert(alert),
    progress: (report) => desk.progress(report),
    deadLetter: (letter) => desk.deadLetter(letter),
    async answered(device, bytes) {
      await desk.deadLetter({
        source: 'commands',
        device,
        code: 'command_unknown',
        detail: 'nobody asked the device for this answer',
        bytes,
      });
      return 'unknown';
    },
  };
  return {
    service: desk,
    lent,
    jobs: [
      {
        name: 'devices.seen',
        role: 'ingest',
        periodMs: config.flushSeenMs,
        // Every replica writes what it saw.
        leaseMs: 0,
        run: () => desk.flushSeen(),
      },
      { name: 'prune.devices', role: 'batch', ...PRUNE, run: () => desk.prune() },
    ],
    stop: () => desk.flushSeen(),
  };
}
