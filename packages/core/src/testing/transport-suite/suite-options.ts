import type { Credential, Plugin } from '../../spi/index.js';
import type { TestRunner } from '../anchor-suite/test-runner.js';
import type { RunningTransport } from './running-transport.js';

/**
 * What the sender was told. `ack`: forget it. `refused`: sending it again changes nothing. `retry`: send it again.
 * `closed`: the connection ended and nothing was told.
 */
export type SendOutcome = 'ack' | 'refused' | 'retry' | 'closed';

/** A command as the device got it. */
export interface ReceivedCommand {
  readonly id: string;
  readonly nonce: string;
  readonly name: string;
}

/** One connection of one device, as the protocol has it. A rejection of any method fails the test. */
export interface TransportClient {
  /** Sends one message, as `application/json`, with the bytes as they are; resolves when something was told of it. May be called again before. */
  send(bytes: Uint8Array): Promise<SendOutcome>;
  /** Sends what nobody who speaks the protocol would. */
  sendGarbage(): Promise<void>;
  /** The connection is gone at once, without a goodbye. */
  cut(): void;
  close(): Promise<void>;
  /** The next command that reached the device. When the transport's capabilities say `commands`. */
  nextCommand?(): Promise<ReceivedCommand>;
  /** Answers a command; resolves when something was told of the answer. When the transport's capabilities say `commands`. */
  answer?(bytes: Uint8Array): Promise<SendOutcome>;
}

/** What the author of a transport writes so that the kit can be a device of it. */
export interface TransportDriver {
  /** Who speaks to the transport: the devices themselves, or something between that has let them in, as a broker. Default `device`. */
  readonly peer?: 'device' | 'intermediary';
  /**
   * Who tells the sender of a message that is too large. `judged by the gateway`: neither the protocol nor what is between has
   * a bound below that of the gateway, so it is handed in and the gateway refuses it. Default `bounded before the gateway`.
   */
  readonly size?: 'bounded before the gateway' | 'judged by the gateway';
  /** Rejects when the transport lets nobody in with this credential. A protocol without credentials leaves it. */
  connect(
    running: RunningTransport,
    who: { readonly device: string; readonly credential: Credential },
  ): Promise<TransportClient>;
}

/** What `describeTransport` needs from the author of a transport. */
export interface TransportSuiteOptions {
  readonly plugin: Plugin<'transport'>;
  /** A valid configuration as a user writes it, on a port of its own. A function is asked once for each instance. */
  readonly config: object | (() => object | Promise<object>);
  /** Configurations that must be refused; a key nobody knows is tried anyway. */
  readonly refusedConfigs?: readonly object[];
  /** Size of a message that is larger than the configuration allows. */
  readonly oversizedBytes: number;
  readonly client: TransportDriver;
  /** How long anything may take before it counts as never; default 10 s. Nothing waits for it to pass when all is well. */
  readonly patienceMs?: number;
  readonly runner?: TestRunner;
}
