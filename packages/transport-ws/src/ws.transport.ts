import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ServerOptions, WebSocketServer } from 'ws';
import type {
  Caller,
  Callers,
  CommandPort,
  Credential,
  DeviceDesk,
  EventSource,
  Health,
  HttpHost,
  Ingest,
  PluginContext,
  Transport,
  UpgradeRequest,
} from '@wattproof/core/spi';
import {
  admit,
  type HttpRefusal,
  isRefusal,
  KEY_HAS_TOO_MANY,
  NOT_NOW,
  PROTOCOL,
  UNAUTHENTICATED,
} from './admission.js';
import { Connection, type ConnectionParts } from './connection.js';
import { ConnectionsByCaller } from './connections-by-caller.js';
import { DeviceLines } from './device-lines.js';
import { refuse } from './http-refusal.js';
import { LiveStream } from './live-stream.js';
import { SharedMemory } from './shared-memory.js';
import { nodeTiming, type Timing } from './timing.js';
import type { WsConfig } from './ws.config.js';

/** How often limits of time are looked after. */
const SWEEP_MS = 1_000;
/** The other side has this long to say goodbye too. */
const CLOSE_TIMEOUT_MS = 2_000;
/** When to come again, of somebody who is not let in now. */
const COME_AGAIN_SECONDS = 5;

/** Takes connections on the gateway's own server. */
export class WsTransport implements Transport {
  readonly commands: CommandPort;
  private readonly server: WebSocketServer;
  private readonly connections = new Set<Connection>();
  /** Those that have not shown who they are. */
  private readonly unknown = new Set<Connection>();
  private readonly known: ConnectionsByCaller;
  /** Handshakes whose credential is being looked at, and since when. */
  private readonly opening = new Map<Duplex, number>();
  private readonly host: Host;
  private readonly shared: Omit<ConnectionParts, 'ingest'>;
  private parts: ConnectionParts | undefined;
  private stopping: Promise<void> | undefined;
  private endSweeps = (): void => undefined;

  constructor(
    private readonly config: WsConfig,
    context: PluginContext,
    private readonly timing: Timing = nodeTiming,
  ) {
    this.host = hostOf(context);
    this.known = new ConnectionsByCaller(config.maxConnectionsPerKey);
    const { callers, desk, events, http } = this.host;
    const { clock, origin, logger } = context;
    const lines = new DeviceLines({ desk, clock, logger });
    this.commands = lines;
    const stream = new LiveStream(events);
    const memory = new SharedMemory(config);
    this.shared = { config, origin, clock, timing, logger, callers, desk, lines, stream, memory };
    const options: ServerOptions & { readonly closeTimeout: number } = {
      noServer: true,
      clientTracking: false,
      // Compressed frames would be bombs to unpack before anybody has looked at them.
      perMessageDeflate: false,
      maxPayload: config.maxMessageBytes,
      closeTimeout: CLOSE_TIMEOUT_MS,
    };
    this.server = new WebSocketServer(options);
    http.upgrade(config.path, (request, socket, head) => {
      this.open(request, socket as Duplex, head).catch((error: unknown) => {
        logger.error('a connection could not be opened', { error });
        (socket as Duplex).destroy();
      });
    });
  }

  async start(ingest: Ingest): Promise<void> {
    this.parts = { ...this.shared, ingest };
    this.endSweeps = this.timing.every(SWEEP_MS, () => this.sweep());
  }

  stop(): Promise<void> {
    this.stopping ??= this.stopOnce();
    return this.stopping;
  }

  async health(): Promise<Health> {
    const ready = this.parts !== undefined && this.stopping === undefined;
    return {
      live: true,
      ready,
      facts: {
        listens: this.config.path,
        connections: this.connections.size,
        unauthenticated: this.unknown.size,
      },
    };
  }

  private async stopOnce(): Promise<void> {
    this.endSweeps();
    const open = [...this.connections];
    for (const connection of open) connection.end(1001, 'going_away');
    for (const socket of this.opening.keys()) socket.destroy();
    const closed = Promise.all(open.map((connection) => connection.closed));
    const forgetLimit = this.timing.after(this.config.drainMs, () => {
      for (const connection of this.connections) connection.closeUnanswered();
    });
    await closed;
    forgetLimit();
  }

  private sweep(): void {
    const nowMs = this.timing.monotonicMs();
    for (const connection of this.connections) connection.sweep(nowMs);
    for (const [socket, sinceMs] of this.opening)
      if (nowMs - sinceMs >= this.config.authTimeoutMs) socket.destroy();
  }

  private async open(request: UpgradeRequest, socket: Duplex, head: Uint8Array): Promise<void> {
    const answer = this.notNow() ?? admit(request, this.config.allowedOrigins);
    if (isRefusal(answer)) {
      refuse(socket, answer);
      return;
    }
    const { credential } = answer;
    const known = await this.identify(credential ?? request.certificate, socket);
    if (known !== undefined && 'status' in known) refuse(socket, known);
    // A certificate that nobody knows is no attempt to be somebody: it may have been meant for others.
    else if (credential !== undefined && known === undefined) refuse(socket, UNAUTHENTICATED);
    else if (known === undefined && this.isFull(this.unknown.size)) refuse(socket, STRANGERS_FULL);
    else {
      // Much may have happened while the store was asked.
      const late = this.notNow() ?? this.noPlaceFor(known);
      if (late === undefined) this.upgrade(request, socket, head, known);
      else refuse(socket, late);
    }
  }

  /** Why nobody at all is let in at this moment. */
  private notNow(): HttpRefusal | undefined {
    if (this.parts === undefined || this.stopping !== undefined) return NOT_SERVING;
    if (this.connections.size + this.opening.size >= this.config.maxConnections) return FULL;
    return undefined;
  }

  private noPlaceFor(caller: Caller | undefined): HttpRefusal | undefined {
    if (caller === undefined || this.known.hasPlaceFor(caller)) return undefined;
    return KEY_HAS_TOO_MANY(this.config.maxConnectionsPerKey, COME_AGAIN_SECONDS);
  }

  private isFull(strangers: number): boolean {
    return !this.config.anonymous && strangers >= this.config.maxUnauthenticated;
  }

  /** Who shows this; those without credential and those with one do not crowd each other out. */
  private async identify(
    credential: Credential | undefined,
    socket: Duplex,
  ): Promise<Caller | HttpRefusal | undefined> {
    if (credential === undefined) return undefined;
    if (this.opening.size >= this.config.maxUnauthenticated) return STRANGERS_FULL;
    this.opening.set(socket, this.timing.monotonicMs());
    try {
      return await this.host.callers.authenticate(credential);
    } catch {
      return STORE_AWAY;
    } finally {
      this.opening.delete(socket);
    }
  }

  private upgrade(
    request: UpgradeRequest,
    socket: Duplex,
    head: Uint8Array,
    caller: Caller | undefined,
  ): void {
    const { parts } = this;
    if (parts === undefined) return;
    this.server.handleUpgrade(asIncoming(request), socket, Buffer.from(head), (accepted) => {
      let name = caller;
      if (caller !== undefined) this.known.enter(caller);
      const connection = new Connection(
        accepted,
        socket,
        parts,
        request.source,
        caller,
        (shown) => {
          if (!this.known.hasPlaceFor(shown)) return false;
          name = shown;
          this.known.enter(shown);
          this.unknown.delete(connection);
          return true;
        },
      );
      this.connections.add(connection);
      if (caller === undefined) this.unknown.add(connection);
      void connection.closed.then(() => {
        this.connections.delete(connection);
        this.unknown.delete(connection);
        if (name !== undefined) this.known.leave(name);
      });
    });
  }
}

const NOT_SERVING = NOT_NOW(
  'not_serving',
  'The gateway is starting or stopping.',
  COME_AGAIN_SECONDS,
);
const FULL = NOT_NOW('connections_full', 'There are too many connections.', COME_AGAIN_SECONDS);
const STRANGERS_FULL = NOT_NOW(
  'unauthenticated_full',
  'Too many connections have not shown who they are.',
  COME_AGAIN_SECONDS,
);
const STORE_AWAY = NOT_NOW(
  'store_unavailable',
  'It cannot be asked now whose key this is.',
  COME_AGAIN_SECONDS,
);

interface Host {
  readonly callers: Callers;
  readonly desk: DeviceDesk;
  readonly events: EventSource;
  readonly http: HttpHost;
}

function hostOf({ callers, desk, events, http }: PluginContext): Host {
  if (!callers || !desk || !events || !http)
    throw new Error('This transport needs callers, desk, events and http of its host.');
  return { callers, desk, events, http };
}

/** What the library looks at of a handshake. It is offered one subprotocol, so that no key is ever answered. */
function asIncoming({ method, url, headers }: UpgradeRequest): IncomingMessage {
  const shown = ['upgrade', 'connection', 'sec-websocket-key', 'sec-websocket-version'].map(
    (name) => [name, headers.get(name) ?? undefined] as const,
  );
  return {
    method,
    url,
    headers: { ...Object.fromEntries(shown), 'sec-websocket-protocol': PROTOCOL },
  } as unknown as IncomingMessage;
}
