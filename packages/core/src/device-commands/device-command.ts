import { canonicalJsonBytes } from '../verify/rfc8785.js';
import type { JsonObject } from '../spi/index.js';

export const COMMAND_STATES = ['pending', 'sent', 'answered', 'timeout'] as const;
/**
 * `pending`: kept, and no transport has sent it. `sent`: at least once; it is sent again until it is answered or its time is over.
 * `answered` and `timeout` are final.
 */
export type CommandState = (typeof COMMAND_STATES)[number];

/** What a device answered. */
export interface CommandAnswer {
  readonly body: JsonObject;
  /** SHA-256 of the body as RFC 8785: another answer with the same body is the same answer. */
  readonly hash: Uint8Array;
  readonly atMs: number;
  /** `unsigned`: taken on the word of the transport, since the configuration says so. */
  readonly assurance: 'device-signature' | 'unsigned';
  /** The key it is signed by. */
  readonly keyId?: string;
}

/** What a device was asked to do. */
export interface StoredCommand {
  /** `cmd_` and 32 hex. */
  readonly id: string;
  /** 32 hex; never told to anybody but the device. */
  readonly nonce: string;
  readonly meterId: string;
  /** Whose the meter was when it was asked. */
  readonly accountId: string;
  readonly name: string;
  readonly body: JsonObject;
  readonly askedBy: string;
  readonly askedAtMs: number;
  /** The last instant at which an answer counts. */
  readonly deadlineMs: number;
  readonly state: CommandState;
  /** How often it was sent. */
  readonly sends: number;
  readonly nextSendAtMs: number;
  /** First sent. */
  readonly sentAtMs?: number;
  readonly answer?: CommandAnswer;
}

/** The state as it is at this instant, whether or not it has been written yet. */
export function stateAt({ state, deadlineMs }: StoredCommand, nowMs: number): CommandState {
  const open = state === 'pending' || state === 'sent';
  return open && nowMs > deadlineMs ? 'timeout' : state;
}

export const isFinal = (state: CommandState): boolean =>
  state === 'answered' || state === 'timeout';

/** Whether somebody asks for what was asked for already. */
export function isSameRequest(a: StoredCommand, b: StoredCommand): boolean {
  const said = ({ meterId, name, body }: StoredCommand): string =>
    Buffer.from(canonicalJsonBytes({ meterId, name, body })).toString();
  return said(a) === said(b);
}
