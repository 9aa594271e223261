import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { freePorts } from '@wattproof/core/testing';

/** A broker as its own process on this machine, with the means to take it away. */
export interface Broker {
  readonly url: string;
  /** Kills it and starts it again with what it had on disk. */
  restart(): Promise<void>;
  remove(): Promise<void>;
}

interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** In what it prints, when it takes connections. */
  readonly ready: RegExp;
}

const READY_WITHIN_MS = 180_000;

/** What Debian's `nats-server` gives: core NATS, nothing on disk. */
export async function startNats(): Promise<Broker> {
  const [port] = await freePorts(1);
  const program = {
    command: await installed(['/usr/sbin/nats-server', '/usr/bin/nats-server'], 'nats-server'),
    args: ['-a', '127.0.0.1', '-p', String(port)],
    ready: /Server is ready/,
  };
  return new BrokerProcess(`nats://127.0.0.1:${port}`, program, () => undefined).started();
}

/** What Debian's `redis-server` gives, with nothing on disk: what is published is kept for nobody anyway. */
export async function startRedis(): Promise<Broker> {
  const [port] = await freePorts(1);
  const program = {
    command: await installed(['/usr/bin/redis-server', '/usr/sbin/redis-server'], 'redis-server'),
    args: ['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--dir', tmpdir()],
    ready: /Ready to accept connections/,
  };
  return new BrokerProcess(`redis://127.0.0.1:${port}`, program, () => undefined).started();
}

/** What Debian's `rabbitmq-server` gives: one node, its queues on disk in a folder of its own. */
export async function startRabbitmq(): Promise<Broker> {
  const [port, distribution, epmd] = await freePorts(3);
  const folder = await mkdtemp(join(tmpdir(), 'wattproof-rabbitmq-'));
  const configuration = `listeners.tcp.local = 127.0.0.1:${port}\nlog.console = true\nlog.console.level = info\nlog.file = false\n`;
  await writeFile(join(folder, 'rabbitmq.conf'), configuration);
  await writeFile(join(folder, 'plugins'), '[].\n');
  const env = {
    HOME: folder,
    RABBITMQ_NODENAME: `wattproof-${port}@localhost`,
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
    RABBITMQ_MNESIA_BASE: join(folder, 'mnesia'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_DIST_PORT: String(distribution),
    ERL_EPMD_PORT: String(epmd),
    ERL_EPMD_ADDRESS: '127.0.0.1',
  };
  const command = await installed(['/usr/lib/rabbitmq/bin/rabbitmq-server'], 'rabbitmq-server');
  const program = { command, args: [], env, ready: /Server startup complete/ };
  return new BrokerProcess(`amqp://guest:guest@127.0.0.1:${port}`, program, async () => {
    await endPortMapper(epmd);
    await rm(folder, { recursive: true, force: true });
  }).started();
}

/**
 * What Debian's `mosquitto` gives: everybody may connect, sessions and their queues go to disk when something changes.
 * `door` are settings of its listener, `scheme` is what its URL begins with then.
 */
export async function startMosquitto(
  scheme = 'mqtt',
  door: readonly string[] = [],
): Promise<Broker> {
  const [port, other] = await freePorts(2);
  const folder = await mkdtemp(join(tmpdir(), 'wattproof-mosquitto-'));
  const file = join(folder, 'mosquitto.conf');
  const configuration = [
    // With listeners for WebSocket alone it believes that it has none.
    `listener ${other} 127.0.0.1`,
    `listener ${port} 127.0.0.1`,
    ...door,
    'allow_anonymous true',
    'persistence true',
    `persistence_location ${folder}/`,
    // As root it would become another user, who cannot write here.
    `user ${userInfo().username}`,
    'log_dest stderr',
  ];
  await writeFile(file, `${configuration.join('\n')}\n`);
  const command = await installed(['/usr/sbin/mosquitto', '/usr/bin/mosquitto'], 'mosquitto');
  const program = { command, args: ['-c', file], ready: /mosquitto version \S+ running/ };
  const removed = () => rm(folder, { recursive: true, force: true });
  return new BrokerProcess(`${scheme}://127.0.0.1:${port}`, program, removed).started();
}

/** Erlang's port mapper outlives the node that started it, and refuses to end while it thinks that the node is there. */
async function endPortMapper(port: number): Promise<void> {
  for (let tries = 0; tries < 50; tries += 1) {
    const mapper = spawn('epmd', ['-port', String(port), '-kill'], { stdio: 'ignore' });
    const [code] = (await once(mapper, 'exit')) as [number | null];
    if (code === 0) return;
    await wait(100);
  }
}

class BrokerProcess implements Broker {
  private child: ChildProcess | undefined;

  constructor(
    readonly url: string,
    private readonly program: Program,
    private readonly removed: () => Promise<void> | undefined,
  ) {}

  async started(): Promise<this> {
    const { command, args, env, ready } = this.program;
    // A group of its own: what is killed may be a script that started the broker.
    const child = spawn(command, [...args], {
      detached: true,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    let output = '';
    await new Promise<void>((resolve, reject) => {
      const failed = (why: string): void => {
        reject(new Error(`${command} ${why}. It printed:\n${output.slice(-2000)}`));
      };
      const timer = setTimeout(
        () => failed(`is not ready after ${READY_WITHIN_MS} ms`),
        READY_WITHIN_MS,
      );
      const look = (text: Buffer): void => {
        output += text.toString();
        if (!ready.test(output)) return;
        clearTimeout(timer);
        resolve();
      };
      child.stdout.on('data', look);
      child.stderr.on('data', look);
      child.once('exit', (code) => failed(`ended with ${code}`));
    });
    return this;
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.started();
  }

  async remove(): Promise<void> {
    await this.kill();
    await this.removed();
  }

  private async kill(): Promise<void> {
    const { child } = this;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    process.kill(-child.pid, 'SIGKILL');
    await ended;
  }
}

async function installed(places: readonly string[], name: string): Promise<string> {
  for (const place of places) {
    if (
      await access(place).then(
        () => true,
        () => false,
      )
    )
      return place;
  }
  throw new Error(`${name} is not installed. On Debian: apt-get install -y ${name}`);
}
