import { createHash } from 'node:crypto';
import { CommandsConfig } from '../../src/device-commands/commands.config.js';
import type { NamedCommandPort } from '../../src/device-commands/command-sender.js';
import { DeviceCommands } from '../../src/device-commands/device-commands.service.js';
import { telling } from '../../src/device-desk/device-desk.service.js';
import { nodeEcdsaBackend } from '../../src/devices/ecdsa-backend.js';
import { nodeBackend } from '../../src/devices/ed25519-backend.js';
import { MeterDirectory } from '../../src/devices/meter-directory.js';
import { SignatureVerifier } from '../../src/devices/signature-verifier.js';
import { nativeSha256 } from '../../src/hashing/native-hashing.js';
import type { DeviceCommand, JsonObject } from '../../src/spi/index.js';
import type { Store } from '../../src/stores/store.js';
import { openMemoryStore } from '../../src/stores/memory/open-memory-store.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { silentLogger } from '../../src/testing/silent-logger.js';
import { commandAnswerMessage } from '../../src/verify/device-signing.js';
import { canonicalJsonBytes } from '../../src/verify/rfc8785.js';
import type { TestDevice, TestKey } from '../ingestion/test-devices.js';

export const ORIGIN = 'test.example/energy-log';

/** A transport that writes down what it sends, and says what it is told to. */
export class TestPort {
  readonly sent: DeviceCommand[] = [];
  answer: 'sent' | 'unreachable' | Error | 'never' = 'sent';

  async send(command: DeviceCommand): Promise<'sent' | 'unreachable'> {
    this.sent.push(command);
    if (this.answer === 'never') return new Promise(() => undefined);
    if (this.answer instanceof Error) throw this.answer;
    return this.answer;
  }
}

/** One gateway, or several replicas over one store. */
export class CommandScene {
  readonly clock = new FakeClock();
  readonly store: Store;
  readonly letters: string[] = [];
  private count = 0;

  constructor(store?: Store) {
    this.store = store ?? openMemoryStore({ clock: this.clock });
  }

  replica(ports: readonly TestPort[], config: Partial<CommandsConfig> = {}): DeviceCommands {
    const { clock, store } = this;
    const commands = new DeviceCommands({
      store: store.commands,
      directory: new MeterDirectory({ store: store.meters, clock, maxStaleMs: 0, entries: 99 }),
      signatures: new SignatureVerifier(nodeBackend, nodeEcdsaBackend),
      clock,
      random: (length) =>
        createHash('sha256')
          .update(`${(this.count += 1)}`)
          .digest()
          .subarray(0, length),
      sha256: nativeSha256,
      config: CommandsConfig.parse(config),
      origin: ORIGIN,
      logger: silentLogger,
      deadLetter: async ({ code }) => void this.letters.push(code),
      timer: (ms, fire) => {
        const aborter = new AbortController();
        clock.wait(ms, aborter.signal).then(fire, () => undefined);
        return () => aborter.abort();
      },
      telling,
    });
    const named = ports.map((port, n): NamedCommandPort => ({ name: `port-${n}`, port }));
    commands.sendBy(named, true);
    return commands;
  }

  /** Types of the events that were committed. */
  async told(): Promise<readonly string[]> {
    return (await this.store.outbox.read('test', 'all', 999)).map(({ type }) => type);
  }
}

/** What a device sends back. `by`: another key; null: nobody signs. */
export function answerOf(
  device: TestDevice,
  command: Pick<DeviceCommand, 'id' | 'nonce'>,
  body: JsonObject = { status: 'locked' },
  { by = device.key, more = {} }: { by?: TestKey | null; more?: object } = {},
): Uint8Array {
  const { id, nonce } = command;
  const hash = nativeSha256(canonicalJsonBytes(body));
  const signature = by && {
    alg: by.alg,
    key_id: by.keyId,
    value: by
      .sign(commandAnswerMessage(ORIGIN, device.meterId, id, nonce, hash))
      .toString('base64'),
  };
  return Buffer.from(
    JSON.stringify({ id, nonce, body, ...(signature ? { signature } : {}), ...more }),
  );
}
