import type { NamedCommandPort } from '../device-commands/command-sender.js';
import { DeviceCommands } from '../device-commands/device-commands.service.js';
import { Resend } from '../device-commands/resend.js';
import { AlertReview } from '../device-desk/alert-review.js';
import { DeviceDeskService, telling } from '../device-desk/device-desk.service.js';
import { DevicesConfig } from '../devices/devices.config.js';
import type { KeyStore } from '../devices/key.store.js';
import type { MeterDirectory } from '../devices/meter-directory.js';
import type { SignatureVerifier } from '../devices/signature-verifier.js';
import { nativeSha256 } from '../hashing/native-hashing.js';
import type { Job, JobRole } from '../jobs/job.js';
import type { Journal } from '../logs/journal.js';
import type { GatewayConfig, PluginInstance, Timer } from '../plugins/index.js';
import type { Clock, DeviceDesk, Logger, Transport, TransportCapabilities } from '../spi/index.js';
import type { Store } from '../stores/store.js';

/** How often what is over is looked for; what every replica does has no lease. */
const TIMINGS = {
  /** Missing numbers are counted: the newest of every key, which takes a large fleet some seconds. */
  missing: { periodMs: 300_000, leaseMs: 900_000, newest: 256 },
  silent: { periodMs: 60_000, leaseMs: 180_000 },
  expire: { periodMs: 1_000, leaseMs: 60_000 },
  prune: { periodMs: 3_600_000, leaseMs: 7_200_000 },
  closeAlerts: { periodMs: 3_600_000, leaseMs: 7_200_000 },
} as const;

export type MissingNumbers = Awaited<ReturnType<KeyStore['missing']>>;

export interface ComposedDesk {
  readonly service: DeviceDeskService;
  readonly commands: DeviceCommands;
  readonly resend: Resend;
  /** As they were counted last, by this process. */
  readonly missing: { numbers?: MissingNumbers };
  /** What transports get. */
  readonly lent: DeviceDesk;
  readonly jobs: readonly Job[];
  /** Once there is a log to say who looked at alerts. */
  review(journal: Journal): { readonly alerts: AlertReview; readonly jobs: readonly Job[] };
  /** The transports that are there once the plugins are. */
  sendBy(plugins: readonly PluginInstance[], roles: readonly JobRole[]): void;
  stop(): Promise<void>;
}

/** What devices say besides readings, and what they are asked. Before the plugins: it is lent to transports. */
export function composeDeviceDesk(parts: {
  readonly config: GatewayConfig;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: (length: number) => Uint8Array;
  readonly logger: Logger;
  readonly timer: Timer;
  readonly directory: MeterDirectory;
  readonly signatures: SignatureVerifier;
}): ComposedDesk {
  const { store, clock, directory } = parts;
  const config = DevicesConfig.parse(parts.config.devices);
  const desk = new DeviceDeskService({ store: store.desk, directory, clock, config: config.desk });
  const commands = new DeviceCommands({
    ...parts,
    store: store.commands,
    sha256: nativeSha256,
    config: config.commands,
    origin: parts.config.origin,
    deadLetter: (letter) => desk.deadLetter(letter),
    telling,
  });
  const { keys } = store;
  const missing: { numbers?: MissingNumbers } = {};
  return {
    service: desk,
    commands,
    missing,
    resend: new Resend({
      keys,
      directory,
      commands,
      store: store.commands,
      clock,
      config: config.commands,
    }),
    lent: {
      seen: (device, atMs) => desk.seen(device, atMs),
      presence: (change) => desk.presence(change),
      telemetry: (report) => desk.telemetry(report),
      alert: (alert) => desk.alert(alert),
      progress: (report) => desk.progress(report),
      deadLetter: (letter) => desk.deadLetter(letter),
      answered: (device, bytes) => commands.answered(device, bytes),
    },
    jobs: [
      {
        name: 'devices.seen',
        role: 'ingest',
        periodMs: config.desk.flushSeenMs,
        leaseMs: 0,
        run: () => desk.flushSeen(),
      },
      {
        // Every replica: a device is connected to one of them.
        name: 'commands.send',
        role: 'ingest',
        periodMs: config.commands.lookEveryMs,
        leaseMs: 0,
        run: () => commands.deliver(),
      },
      {
        name: 'devices.missing',
        role: 'batch',
        periodMs: TIMINGS.missing.periodMs,
        leaseMs: TIMINGS.missing.leaseMs,
        run: async () => {
          missing.numbers = await keys.missing(TIMINGS.missing.newest);
        },
      },
      { name: 'devices.silent', role: 'batch', ...TIMINGS.silent, run: () => desk.findSilent() },
      { name: 'commands.expire', role: 'batch', ...TIMINGS.expire, run: () => commands.expire() },
      {
        name: 'prune.devices',
        role: 'batch',
        ...TIMINGS.prune,
        run: async () => {
          await desk.prune();
          await commands.prune();
        },
      },
    ],
    review(journal) {
      const alerts = new AlertReview({
        store: store.desk,
        journal,
        clock,
        directory,
        config: config.desk,
      });
      const run = (): Promise<void> => alerts.closeOld();
      return {
        alerts,
        jobs: [{ name: 'devices.alerts', role: 'batch', ...TIMINGS.closeAlerts, run }],
      };
    },
    sendBy(plugins, roles) {
      const ports = plugins.flatMap(({ kind, instanceId, capabilities, instance }) => {
        const { commands: port } = instance as Transport;
        const sends = kind === 'transport' && (capabilities as TransportCapabilities).commands;
        return sends && port !== undefined ? [{ name: instanceId, port }] : [];
      }) satisfies readonly NamedCommandPort[];
      commands.sendBy(roles.includes('ingest') ? ports : [], ports.length > 0);
    },
    stop: () => desk.flushSeen(),
  };
}
