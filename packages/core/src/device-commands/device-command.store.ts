import type { Journaled } from '../logs/journal.js';
import type { CommandAnswer, CommandState, StoredCommand } from './device-command.js';

export type AnswerOutcome = 'accepted' | 'duplicate' | 'late' | 'contradicts';

/** Port of commands to devices. */
export interface DeviceCommandStore {
  /**
   * `known`: there is one with this id, and nothing was kept. `full`: the meter, or the gateway, has as many open ones as it may
   * have. Bounds are kept up to those that are asked at the same time.
   */
  put(
    command: StoredCommand,
    most: { readonly open: number; readonly openOfMeter: number },
  ): Promise<'kept' | 'known' | 'full'>;
  get(id: string): Promise<StoredCommand | undefined>;
  /**
   * Of one meter, the newest first. `accountId`: only those asked while the meter was this account's. `in`: only those that are in
   * this state at that instant (`stateAt`).
   */
  list(query: {
    readonly meterId: string;
    readonly accountId?: string;
    readonly in?: { readonly state: CommandState; readonly nowMs: number };
    readonly limit: number;
    readonly cursor?: string;
  }): Promise<{ readonly items: readonly StoredCommand[]; readonly cursor?: string }>;
  /**
   * Open ones whose next sending is due and whose deadline is not over, by `nextSendAtMs`, then id. What lies further ahead than
   * `pauseMs` was dated by a clock that was set back since, and is due, too.
   */
  due(
    at: { readonly nowMs: number; readonly pauseMs: number },
    limit: number,
    behind?: { readonly nextSendAtMs: number; readonly id: string },
  ): Promise<readonly StoredCommand[]>;
  /** One more sending; nothing changes once the command is over. */
  markSent(id: string, atMs: number, nextSendAtMs: number): Promise<void>;
  /**
   * Takes the first answer that comes by the deadline; `told` is committed with it. One with the same hash is a `duplicate`
   * whenever it comes, another one `contradicts`.
   */
  answer(id: string, answer: CommandAnswer, told: Journaled): Promise<AnswerOutcome>;
  /** Ends open commands whose deadline is over, each once; `tell` says what is committed with it. */
  expire(
    nowMs: number,
    limit: number,
    tell: (command: StoredCommand) => Journaled,
  ): Promise<number>;
  counts(): Promise<Readonly<Record<CommandState, number>>>;
  /** Deletes commands that are over and whose deadline was before. */
  prune(beforeMs: number): Promise<void>;
}
